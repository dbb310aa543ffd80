//! The form of a stack's parameters: each with the value that deploying would give it, checked against the template's own
//! constraints.

use serde::{Deserialize, Serialize};
use tui_input::Input;

use super::StackOffer;
use super::stack::Stack;
use crate::model::parameter::ParameterDefinition;

/// A parameter in the form.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ParameterField {
    pub(crate) definition: ParameterDefinition,
    pub(crate) input: Input,
    /// The value without anything being changed here.
    before: String,
}

/// The form of a stack's parameters.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ParameterForm {
    /// [`StackOffer::id`].
    pub(crate) offer: String,
    /// The stack's name.
    pub(crate) stack: String,
    pub(crate) fields: Vec<ParameterField>,
    pub(crate) focus: usize,
    pub(crate) problem: Option<String>,
}

impl ParameterField {
    pub(crate) fn is_changed(&self) -> bool {
        self.input.value() != self.before
    }

    /// Takes the next of the allowed values, or the one before.
    fn turn(&mut self, forwards: bool) {
        let allowed = &self.definition.allowed;
        let at = allowed.iter().position(|value| value == self.input.value());
        let next = match at {
            None => 0,
            Some(at) if forwards => (at + 1) % allowed.len(),
            Some(at) => (at + allowed.len() - 1) % allowed.len(),
        };
        if let Some(value) = allowed.get(next) {
            self.input = Input::new(value.clone());
        }
    }
}

impl ParameterForm {
    /// The form of a stack of the catalogue. What the configuration file chooses comes before what the stack has now, and
    /// that before what the template says; `given` was written before. `None` for a stack that has nothing to choose.
    pub(crate) fn new(offer: &StackOffer, stack: Option<&Stack>, given: &[(String, String)]) -> Option<Self> {
        let of = |pairs: &[(String, String)], name: &str| {
            pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
        };
        let stands = stack.filter(|stack| stack.status.as_deref().is_some_and(|status| status != "DELETE_COMPLETE"));
        let field = |definition: &ParameterDefinition| {
            let name = &definition.name;
            let now = || of(&stands?.parameters, name);
            let before = of(&offer.chosen, name).or_else(now).or_else(|| definition.default.clone());
            let before = before.unwrap_or_default();
            let input = Input::new(of(given, name).unwrap_or_else(|| before.clone()));
            ParameterField { definition: definition.clone(), input, before }
        };
        let fields: Vec<ParameterField> = offer.parameters.as_ref()?.iter().map(field).collect();
        if fields.is_empty() {
            return None;
        }
        Some(Self { offer: offer.id.clone(), stack: offer.stack.clone(), fields, focus: 0, problem: None })
    }

    pub(crate) fn step(&mut self, by: isize) {
        let count = self.fields.len().max(1);
        let by = usize::try_from(by.rem_euclid(isize::try_from(count).unwrap_or(1))).unwrap_or(0);
        self.focus = (self.focus + by) % count;
        self.check();
    }

    /// Takes another of the allowed values of the focused parameter; tells whether it has such.
    pub(crate) fn turn(&mut self, forwards: bool) -> bool {
        let Some(field) = self.fields.get_mut(self.focus).filter(|field| !field.definition.allowed.is_empty()) else {
            return false;
        };
        field.turn(forwards);
        self.check();
        true
    }

    /// Says what is wrong with the focused value.
    pub(crate) fn check(&mut self) {
        self.problem = self.fields.get(self.focus).and_then(problem);
    }

    /// What was chosen here, by key.
    pub(crate) fn chosen(&mut self) -> Option<Vec<(String, String)>> {
        if let Some(at) = self.fields.iter().position(|field| problem(field).is_some()) {
            self.focus = at;
            self.check();
            return None;
        }
        let changed = self.fields.iter().filter(|field| field.is_changed());
        Some(changed.map(|field| (field.definition.name.clone(), field.input.value().to_owned())).collect())
    }
}

fn problem(field: &ParameterField) -> Option<String> {
    let value = field.input.value();
    let must = field.definition.check(value).err()?;
    Some(if value.is_empty() { format!("it {must}") } else { format!("{value:?} {must}") })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn offer() -> StackOffer {
        let definitions = [
            ("days", json!({"Type": "Number", "Default": "7", "AllowedValues": ["1", "7", "30"]})),
            ("wait", json!({"Type": "Number", "Default": "30", "MinValue": "1"})),
            ("name", json!({"Type": "String", "MinLength": "1"})),
        ];
        let definitions = definitions.iter().map(|(name, it)| ParameterDefinition::read(name, it)).collect();
        StackOffer { id: "o".to_owned(), stack: "S".to_owned(), parameters: Some(definitions), ..StackOffer::default() }
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn each_has_the_value_that_deploying_would_give_it() {
        let mut offer = offer();
        let values =
            |form: &ParameterForm| form.fields.iter().map(|field| field.input.value().to_owned()).collect::<Vec<_>>();
        let form = ParameterForm::new(&offer, None, &[]).expect("a form");
        assert_eq!(values(&form), ["7", "30", ""]);
        let status = Some("CREATE_COMPLETE".to_owned());
        let stack = Stack { status, parameters: pairs(&[("wait", "5"), ("name", "x")]), ..Stack::default() };
        offer.chosen = pairs(&[("wait", "9")]);
        let mut form = ParameterForm::new(&offer, Some(&stack), &pairs(&[("days", "30")])).expect("a form");
        assert_eq!(values(&form), ["30", "9", "x"]);
        assert_eq!(form.chosen(), Some(pairs(&[("days", "30")])), "what is as before is left to the others");
        let gone = Stack { status: Some("DELETE_COMPLETE".to_owned()), ..stack };
        assert_eq!(values(&ParameterForm::new(&offer, Some(&gone), &[]).expect("a form")), ["7", "9", ""]);
        assert!(ParameterForm::new(&StackOffer { parameters: None, ..offer }, None, &[]).is_none());
    }

    #[test]
    fn the_first_wrong_value_is_gone_to_and_said() {
        let mut form = ParameterForm::new(&offer(), None, &[]).expect("a form");
        assert!(form.turn(true) && form.turn(true), "the allowed ones come round");
        assert_eq!(form.fields[0].input.value(), "1");
        assert!(form.turn(false));
        assert_eq!(form.fields[0].input.value(), "30");
        assert_eq!(form.chosen(), None);
        assert_eq!((form.focus, form.problem.as_deref()), (2, Some("it must have at least 1 characters")));
        form.fields[2].input = Input::new("n".to_owned());
        form.step(-1);
        assert!(!form.turn(true), "any number will do");
        form.fields[1].input = Input::new("0".to_owned());
        assert_eq!(form.chosen(), None);
        assert_eq!((form.focus, form.problem.as_deref()), (1, Some("\"0\" must be at least 1")));
        form.fields[1].input = Input::new("30".to_owned());
        assert_eq!(form.chosen(), Some(pairs(&[("days", "30"), ("name", "n")])));
    }
}
