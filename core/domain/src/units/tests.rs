use super::*;
use proptest::prelude::*;
use serde_json::Value;

const VECTORS: &str = include_str!("../../../../tests/vectors/units.json");

fn quantity(word: Option<&str>) -> Quantity {
    match word {
        None => Quantity::Plain,
        Some("glucose") => Quantity::Glucose,
        Some(other) => panic!("{other}"),
    }
}

#[test]
fn every_unit_vector_holds() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    for case in vectors["cases"].as_array().unwrap() {
        let input = &case["input"];
        let text = |name: &str| input[name].as_str().unwrap();
        let places = u8::try_from(input["places"].as_u64().unwrap()).unwrap();
        let result = convert(
            text("value").parse().unwrap(),
            text("from"),
            text("to"),
            quantity(input["quantity"].as_str()),
            places,
        );
        let expect = &case["expect"];
        match expect["reject"].as_str() {
            Some("unit_unknown") => assert_eq!(result, Err(UnitError::Unknown), "{}", case["id"]),
            Some("unit_incompatible") => {
                assert_eq!(result, Err(UnitError::Incompatible), "{}", case["id"]);
            }
            Some("overflow") => assert_eq!(result, Err(UnitError::Overflow), "{}", case["id"]),
            Some(other) => panic!("{other}"),
            None => assert_eq!(
                result.unwrap().to_string(),
                expect["value"].as_str().unwrap(),
                "{}",
                case["id"]
            ),
        }
    }
}

#[test]
fn a_unit_is_known_by_its_code_and_by_what_people_write() {
    for (written, code) in [
        ("mm[Hg]", "mm[Hg]"),
        ("mmHg", "mm[Hg]"),
        ("count/min", "/min"),
        ("degF", "[degF]"),
        ("°C", "Cel"),
        ("Cal", "kcal"),
        ("mmol<180.1558800000541>/L", "mmol/L"),
        (" lb ", "[lb_av]"),
        ("st", "[stone_av]"),
        ("", "1"),
    ] {
        assert_eq!(ucum(written), Some(code), "{written}");
    }
    for written in ["furlong", "cal", "mmol<64.458>/L", "mol"] {
        assert_eq!(ucum(written), None, "{written}");
    }
}

#[test]
fn no_code_and_no_spelling_is_listed_twice() {
    let mut codes: Vec<_> = UNITS.iter().map(|unit| unit.code).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), UNITS.len());
    let mut names: Vec<_> = WRITTEN.iter().flat_map(|(_, names)| *names).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
    for (code, names) in &WRITTEN {
        assert!(unit(code).is_some(), "{code}");
        for name in *names {
            assert_eq!(*name, name.to_lowercase(), "{name}");
        }
    }
}

const PAIRS: [(&str, &str, Quantity); 9] = [
    ("mg/dL", "mmol/L", Quantity::Glucose),
    ("kg", "[lb_av]", Quantity::Plain),
    ("kg", "[stone_av]", Quantity::Plain),
    ("Cel", "[degF]", Quantity::Plain),
    ("kPa", "mm[Hg]", Quantity::Plain),
    ("m", "[mi_i]", Quantity::Plain),
    ("cm", "[ft_i]", Quantity::Plain),
    ("cm", "[in_i]", Quantity::Plain),
    ("kcal", "kJ", Quantity::Plain),
];

proptest! {
    #[test]
    fn a_value_shown_in_another_unit_comes_back_with_every_digit(
        mantissa in -999_999_i64..=999_999,
        exponent in -4_i8..=3,
        pair in 0..PAIRS.len(),
        swap: bool,
    ) {
        let (a, b, quantity) = PAIRS[pair];
        let (from, to) = if swap { (b, a) } else { (a, b) };
        let value = Decimal::new(mantissa, exponent).unwrap();
        let shown = convert_keeping(value, from, to, quantity).unwrap();
        let back = convert(shown, to, from, quantity, value.places()).unwrap();
        prop_assert_eq!(back.compare(value), Ordering::Equal);
        if exponent <= 0 {
            prop_assert_eq!(back, value);
        }
    }

    #[test]
    fn converting_never_panics(
        mantissa: i64,
        exponent in -18_i8..=18,
        from in 0..UNITS.len(),
        to in 0..UNITS.len(),
        places in 0_u8..=40,
    ) {
        let value = Decimal::new(mantissa, exponent).unwrap();
        let _ = convert(value, UNITS[from].code, UNITS[to].code, Quantity::Glucose, places);
    }
}
