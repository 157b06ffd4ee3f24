//! Documents must tell the truth about the tree: links lead somewhere, commands exist.

use std::collections::{BTreeMap, BTreeSet};

use super::Fault;
use super::source::Source;

/// What links can lead to: files, their folders, and the headings of documents.
#[derive(Debug)]
pub(super) struct Targets {
    paths: BTreeSet<String>,
    anchors: BTreeMap<String, BTreeSet<String>>,
}

impl Targets {
    /// `paths` are all files of the tree, readable as text or not.
    pub(super) fn new(paths: &[String], sources: &[Source]) -> Self {
        let mut known = BTreeSet::from([String::new()]);
        for path in paths {
            known.insert(path.clone());
            known.extend(path.match_indices('/').map(|(at, _)| path[..at].to_owned()));
        }
        let documents = sources.iter().filter(|source| source.is_markdown());
        let anchors = documents.map(|source| (source.path.clone(), anchors(&source.text))).collect();
        Self { paths: known, anchors }
    }
}

/// Every relative link of a document leads to a file, folder or heading of the tree.
pub(super) fn links(source: &Source, targets: &Targets) -> Vec<Fault> {
    if !source.is_markdown() {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for (index, line) in prose(&source.text) {
        for link in links_of(&line) {
            if let Some(problem) = problem_of(&link, &source.path, targets) {
                faults.push(Fault::error(source, index + 1, problem));
            }
        }
    }
    faults
}

fn problem_of(link: &str, from: &str, targets: &Targets) -> Option<String> {
    // `https:`, `mailto:` and the like are not ours to check; a build must not need the network.
    let scheme = link.split(['/', '#']).next().is_some_and(|start| start.contains(':'));
    if scheme || link.starts_with("//") {
        return None;
    }
    let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
    let path = if file.is_empty() { Some(from.to_owned()) } else { resolve(from, file) };
    let Some(path) = path.filter(|path| targets.paths.contains(path)) else {
        return Some(format!("link `{link}` leads to no file that is in git: correct or remove it"));
    };
    let headings = targets.anchors.get(&path)?;
    let missing = anchor.is_some_and(|anchor| !headings.contains(anchor));
    missing.then(|| format!("link `{link}`: {path} has no such heading"))
}

/// The path from the root that `file`, written in the document `from`, means; `None` if it leaves the tree.
fn resolve(from: &str, file: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    if file.starts_with('/') {
        parts.clear();
    }
    for part in file.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The lines outside fenced code, with inline code blanked, and their index.
fn prose(text: &str) -> Vec<(usize, String)> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let start = line.trim_start();
        if start.starts_with("```") || start.starts_with("~~~") {
            fenced = !fenced;
        } else if !fenced {
            lines.push((index, without_inline_code(line)));
        }
    }
    lines
}

fn without_inline_code(line: &str) -> String {
    let parts: Vec<&str> = line.split('`').collect();
    let mut kept = String::new();
    for (index, part) in parts.iter().enumerate() {
        // A backtick without a partner opens nothing.
        let inside = index % 2 == 1 && index + 1 < parts.len();
        kept.push_str(if inside { " " } else { part });
    }
    kept
}

/// Targets of `[text](target)`, `![text](target "title")` and `[name]: target`.
fn links_of(line: &str) -> Vec<String> {
    let mut found: Vec<String> = line.split("](").skip(1).filter_map(target).collect();
    if let Some((name, rest)) = line.trim_start().strip_prefix('[').and_then(|rest| rest.split_once("]:"))
        && !name.contains(']')
        && let Some(target) = rest.split_whitespace().next()
    {
        found.push(target.trim_matches(['<', '>']).to_owned());
    }
    found
}

fn target(after: &str) -> Option<String> {
    if let Some(rest) = after.strip_prefix('<') {
        return rest.split_once('>').map(|(target, _)| target.to_owned());
    }
    let end = after.find([')', ' '])?;
    Some(after[..end].to_owned())
}

/// The anchors that a forge makes from headings: small letters, hyphens for spaces, no punctuation.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        let title = line.trim_start_matches('#');
        if fenced || title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let keep = |c: char| match c {
            ' ' => Some('-'),
            '-' | '_' => Some(c),
            _ if c.is_alphanumeric() => Some(c),
            _ => None,
        };
        let slug: String = title.trim().to_lowercase().chars().filter_map(keep).collect();
        *seen.entry(slug).or_default() += 1;
    }
    let numbered = |(slug, count): (String, usize)| {
        (0..count).map(move |nth| if nth == 0 { slug.clone() } else { format!("{slug}-{nth}") })
    };
    seen.into_iter().flat_map(numbered).collect()
}

/// Each `cargo xtask NAME` in a document is a command. The change log may speak of what was.
pub(super) fn commands(source: &Source, names: &[&str]) -> Vec<Fault> {
    if !source.is_markdown() || source.path == "CHANGELOG.md" {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        for rest in line.split("cargo xtask ").skip(1) {
            let name: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
            if !name.is_empty() && !names.contains(&name.as_str()) {
                let text = format!("there is no `cargo xtask {name}`; there is: {}", names.join(", "));
                faults.push(Fault::error(source, index + 1, text));
            }
        }
    }
    faults
}

/// Where each library has its line.
const LIBRARIES: &str = "docs/decisions/0002-libraries.md";

/// Each library of the workspace has a line that says what it saves, what it costs and how to leave it.
pub(super) fn libraries(manifest: &Source, sources: &[Source]) -> Vec<Fault> {
    if manifest.path != "Cargo.toml" {
        return Vec::new();
    }
    let decisions = sources.iter().find(|source| source.path == LIBRARIES).map_or("", |source| &source.text);
    let mut faults = Vec::new();
    let mut inside = false;
    for (index, line) in manifest.text.lines().enumerate() {
        if line.starts_with('[') {
            inside = line == "[workspace.dependencies]";
            continue;
        }
        let Some((name, _)) = line.split_once(['=', '.']).filter(|_| inside && !line.starts_with('#')) else {
            continue;
        };
        let name = name.trim();
        if !name.starts_with("ripcord-") && !decisions.contains(&format!("| `{name}` |")) {
            let text =
                format!("{name} has no line in {LIBRARIES}: what it saves, what it costs, how to leave it");
            faults.push(Fault::error(manifest, index + 1, text));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str) -> Vec<String> {
        let sources = [
            Source::new(path, text),
            Source::new("docs/glossary.md", "# Words\n## Take-profit ladder, its legs\n## Twice\n## Twice\n"),
        ];
        let paths: Vec<String> = [path, "docs/glossary.md", "docs/img/a.png", "LICENSE"]
            .iter()
            .map(|path| (*path).to_owned())
            .collect();
        let targets = Targets::new(&paths, &sources);
        links(&sources[0], &targets).iter().map(Fault::to_string).collect()
    }

    #[test]
    fn links_that_lead_somewhere() {
        let good = "[a](docs/glossary.md) ![b](docs/img/a.png \"title\") [c](LICENSE) [d](./docs/) [e](/docs/img)\n\
                    [f]: docs/glossary.md\n[g](<LICENSE>) [h](https://a.example/x) [i](mailto:a@b.example)\n";
        assert_eq!(check("README.md", good), [""; 0]);
        assert_eq!(check("docs/decisions/0001.md", "[a](../glossary.md) [b](../../LICENSE)\n"), [""; 0]);
    }

    #[test]
    fn links_that_lead_nowhere() {
        let faults = check("README.md", "# A\n[a](docs/missing.md) and [b](src)\n[c]: gone.md\n");
        assert_eq!(faults.len(), 3, "{faults:?}");
        assert!(faults[0].starts_with("README.md:2: link `docs/missing.md`"), "{faults:?}");
        assert_eq!(check("docs/a.md", "[a](LICENSE)\n").len(), 1);
        assert_eq!(check("README.md", "[a](../outside.md)\n").len(), 1);
    }

    #[test]
    fn links_to_headings() {
        let good = "# Top\n[a](#top) [b](docs/glossary.md#take-profit-ladder-its-legs) [c](docs/glossary.md#twice-1)\n";
        assert_eq!(check("README.md", good), [""; 0]);
        assert_eq!(check("README.md", "[a](#nowhere) [b](docs/glossary.md#nowhere)\n").len(), 2);
    }

    #[test]
    fn code_is_not_a_link() {
        assert_eq!(check("README.md", "`[a](gone.md)`\n```\n[a](gone.md)\n```\n"), [""; 0]);
    }

    #[test]
    fn commands_exist() {
        let faults = |path: &str, text: &str| commands(&Source::new(path, text), &["run", "test"]).len();
        assert_eq!(
            faults("README.md", "`cargo xtask run` or `cargo xtask test clippy`, see `cargo xtask`\n"),
            0
        );
        assert_eq!(faults("README.md", "`cargo xtask COMMAND`\n"), 0);
        assert_eq!(faults("README.md", "```\ncargo xtask fly\n```\n"), 1);
        assert_eq!(faults("CHANGELOG.md", "`cargo xtask fly` is gone\n"), 0);
    }

    #[test]
    fn each_library_has_its_line() {
        let decisions = [Source::new(LIBRARIES, "| library | saves |\n|---|---|\n| `serde` | a lot |\n")];
        let faults = |manifest: &str| libraries(&Source::new("Cargo.toml", manifest), &decisions).len();
        let head = "[workspace]\nmembers = []\n[workspace.dependencies]\nripcord-core = { path = \"x\" }\n";
        assert_eq!(
            faults(&format!("{head}serde = \"1\"\n# a comment = 1\n[workspace.lints.rust]\nx = \"deny\"\n")),
            0
        );
        assert_eq!(faults(&format!("{head}serde = \"1\"\nserde_json = \"1\"\n")), 1);
    }
}
