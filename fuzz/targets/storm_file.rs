//! Scenario files of storms: what is read is written as the same.

use ripcord_storm::Scenario;

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Scenario::parse(text) {
        Ok(scenario) => {
            let again = scenario.text();
            let read = Scenario::parse(&again).unwrap_or_else(|why| panic!("{why}\n{again}"));
            assert_eq!(read, scenario);
        }
        Err(why) => assert!(!why.to_string().is_empty()),
    }
}
