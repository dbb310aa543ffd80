//! Whether a deployment would change a stack, found out by reading alone: no change set is made for it.

use serde::Serialize;

use super::plan::{CODE_KEY, Plan};
use super::stack::Stack;
use super::template::Template;
use crate::aws::{Clients, Kind, Problem};

/// What a deployment would change; `None` where the target does not tell, or nobody knows what would be deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// The template.
    pub template: Option<bool>,
    /// A parameter that was chosen.
    pub parameters: Option<bool>,
    /// The functions.
    pub functions: Option<bool>,
}

impl Difference {
    /// Whether a deployment would change something; `None` when nothing that is known would, and not all is known.
    #[must_use]
    pub fn any(&self) -> Option<bool> {
        let all = [self.template, self.parameters, self.functions];
        if all.contains(&Some(true)) {
            return Some(true);
        }
        all.iter().all(Option::is_some).then_some(false)
    }
}

/// What deploying `plan` would change of `stack`; `code` is the key of the artefact that would be deployed, where the
/// stack has functions and the artefact is known.
///
/// # Errors
/// When a call fails.
pub async fn difference(
    clients: &Clients,
    plan: &Plan,
    code: Option<&str>,
    stack: &Stack,
) -> Result<Difference, Problem> {
    let answer = clients.cloudformation.get_template().stack_name(&stack.id).send().await;
    let template = match answer.map_err(|error| Problem::of("cloudformation GetTemplate", &error)) {
        Ok(answer) => answer.template_body.as_deref().and_then(Template::read),
        Err(problem) if problem.kind == Kind::Unsupported => None,
        Err(problem) => return Err(problem),
    };
    let has_functions = plan.template.parameters().iter().any(|definition| definition.name == CODE_KEY);
    Ok(Difference {
        template: template.map(|template| !plan.template.says_the_same_as(&template)),
        parameters: Some(plan.parameters.iter().any(|(key, value)| stack.parameter(key) != Some(value))),
        functions: if has_functions { code.map(|key| stack.parameter(CODE_KEY) != Some(key)) } else { Some(false) },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_known_difference_is_enough_and_agreement_needs_all() {
        let of = |template, parameters, functions| Difference { template, parameters, functions }.any();
        assert_eq!(of(None, Some(false), Some(true)), Some(true));
        assert_eq!(of(Some(false), Some(false), Some(false)), Some(false));
        assert_eq!(of(Some(false), Some(false), None), None);
    }
}
