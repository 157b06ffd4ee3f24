//! Case files: what a case says, and typed reading of its fields.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::number::{Number, Tolerance};

/// The schema that is read.
pub(crate) const SCHEMA: &str = "seed_cases/1";

/// Fields of an object of a case.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields(pub(crate) Map<String, Value>);

/// One case.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) area: String,
    pub(crate) input: Fields,
    pub(crate) steps: Vec<Step>,
    pub(crate) expect: Map<String, Value>,
    pub(crate) tolerance: BTreeMap<String, Tolerance>,
    /// The sources disagree about it.
    pub(crate) has_conflict: bool,
}

/// One step of a case.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) input: Fields,
    pub(crate) expect: Map<String, Value>,
}

/// Every case of a file, or what is wrong with the file.
pub(crate) fn read(text: &str) -> Result<Vec<Case>, String> {
    let file: Value = serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"))?;
    let schema = file.get("schema").and_then(Value::as_str).unwrap_or("absent");
    if schema != SCHEMA {
        return Err(format!("has schema {schema}; this program reads {SCHEMA}"));
    }
    let Some(cases) = file.get("cases").and_then(Value::as_array) else {
        return Err("has no list `cases`".to_owned());
    };
    cases.iter().enumerate().map(|(at, case)| one(case).map_err(|why| format!("case {at}: {why}"))).collect()
}

/// The keys a case may have. `source`, `authority` and `note` are for people.
const CASE_KEYS: [&str; 10] =
    ["id", "area", "source", "authority", "note", "conflict", "input", "steps", "expect", "tolerance"];

fn one(case: &Value) -> Result<Case, String> {
    let Some(case) = case.as_object() else { return Err("is not an object".to_owned()) };
    let word = |key: &str| {
        case.get(key).and_then(Value::as_str).map(str::to_owned).ok_or_else(|| format!("has no text `{key}`"))
    };
    let id = word("id")?;
    if let Some(key) = case.keys().find(|key| !CASE_KEYS.contains(&key.as_str())) {
        return Err(format!("{id} has a key `{key}` that no case has"));
    }
    let object = |key: &str| match case.get(key) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(map)) => Ok(map.clone()),
        Some(other) => Err(format!("{id}: `{key}` is {other}; it must be an object")),
    };
    let mut tolerance = BTreeMap::new();
    for (path, text) in object("tolerance")? {
        let text = text.as_str().ok_or_else(|| format!("{id}: the tolerance of {path} is no text"))?;
        tolerance.insert(path, Tolerance::parse(text).map_err(|why| format!("{id}: {why}"))?);
    }
    let steps = match case.get("steps") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(steps)) => steps.iter().filter_map(Value::as_object).map(step).collect(),
        Some(other) => return Err(format!("{id}: `steps` is {other}; it must be a list")),
    };
    Ok(Case {
        area: word("area")?,
        input: Fields(object("input")?),
        steps,
        expect: object("expect")?,
        tolerance,
        has_conflict: case.contains_key("conflict"),
        id,
    })
}

fn step(step: &Map<String, Value>) -> Step {
    let mut input = step.clone();
    let expect = match input.remove("expect") {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    };
    Step { input: Fields(input), expect }
}

impl Case {
    /// The tolerance of a path like `after.qty` or `stops[1]`: its own, that of what holds it, or `*`.
    pub(crate) fn tolerance_of(&self, path: &str) -> Tolerance {
        let mut best: Option<(&str, Tolerance)> = None;
        for (key, tolerance) in &self.tolerance {
            let rest = path.strip_prefix(key.as_str());
            let is_inside = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
            if (is_inside || key == "*") && best.is_none_or(|(longest, _)| key.len() > longest.len()) {
                best = Some((key, *tolerance));
            }
        }
        best.map_or(Tolerance::Exact, |(_, tolerance)| tolerance)
    }
}

/// A number written as text or as a JSON number.
pub(crate) fn number_of(value: &Value) -> Option<Number> {
    match value {
        Value::String(text) => Number::parse(text),
        Value::Number(number) => Number::parse(&number.to_string()),
        _ => None,
    }
}

impl Fields {
    /// The paths of all fields; those of an object inside are `object.field`.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        collect("", &self.0, &mut paths);
        paths
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// A number; `null` is none.
    pub(crate) fn maybe(&self, key: &str) -> Result<Option<Number>, String> {
        match self.0.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => number_of(value)
                .map(Some)
                .ok_or_else(|| format!("input {key} is {value}; it must be a number")),
        }
    }

    pub(crate) fn number(&self, key: &str) -> Result<Number, String> {
        self.maybe(key)?.ok_or_else(|| format!("input {key} is absent; this area needs it"))
    }

    pub(crate) fn number_or(&self, key: &str, default: Number) -> Result<Number, String> {
        Ok(self.maybe(key)?.unwrap_or(default))
    }

    pub(crate) fn numbers(&self, key: &str) -> Result<Vec<Number>, String> {
        let list = self.0.get(key).and_then(Value::as_array);
        let list = list.ok_or_else(|| format!("input {key} is absent; it must be a list of numbers"))?;
        let numbers: Option<Vec<Number>> = list.iter().map(number_of).collect();
        numbers.ok_or_else(|| format!("input {key} holds something that is no number"))
    }

    /// A text; absent and `null` are none.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(Value::as_str)
    }

    /// A switch; absent and `null` are off.
    pub(crate) fn flag(&self, key: &str) -> bool {
        self.0.get(key).and_then(Value::as_bool).unwrap_or(false)
    }

    /// An object inside; absent and `null` are none.
    pub(crate) fn object(&self, key: &str) -> Option<Self> {
        self.0.get(key).and_then(Value::as_object).map(|map| Self(map.clone()))
    }
}

fn collect(prefix: &str, map: &Map<String, Value>, paths: &mut Vec<String>) {
    for (key, value) in map {
        let path = format!("{prefix}{key}");
        if let Value::Object(inner) = value {
            collect(&format!("{path}."), inner, paths);
        }
        paths.push(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(tolerance: &str) -> Case {
        let text = format!(
            r#"{{"schema": "seed_cases/1", "cases": [{{"id": "a", "area": "b", "tolerance": {tolerance}}}]}}"#
        );
        read(&text).expect("a file").remove(0)
    }

    #[test]
    fn the_nearest_tolerance_holds() {
        let case = case(r#"{"*": "abs 1", "after": "abs 2", "after.qty": "abs 3", "stops": "rel 4"}"#);
        let parsed = |text| Tolerance::parse(text).expect("a tolerance");
        assert_eq!(case.tolerance_of("other"), parsed("abs 1"));
        assert_eq!(case.tolerance_of("after.price"), parsed("abs 2"));
        assert_eq!(case.tolerance_of("after.qty"), parsed("abs 3"));
        assert_eq!(case.tolerance_of("stops[1]"), parsed("rel 4"));
        assert_eq!(case.tolerance_of("afterwards"), parsed("abs 1"));
    }

    #[test]
    fn a_file_of_another_schema_or_with_an_odd_case_is_refused() {
        for (text, part) in [
            (r#"{"schema": "x/2", "cases": []}"#, "seed_cases/1"),
            (r#"{"schema": "seed_cases/1"}"#, "cases"),
            (r#"{"schema": "seed_cases/1", "cases": [{"id": "a"}]}"#, "`area`"),
            (r#"{"schema": "seed_cases/1", "cases": [{"id": "a", "area": "b", "odd": 1}]}"#, "`odd`"),
        ] {
            let told = read(text).expect_err("refused");
            assert!(told.contains(part), "{told}");
        }
    }
}
