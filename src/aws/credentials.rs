//! Credentials, asked for once before the first call, so that what is wrong with them is said in words.

use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;

use super::clients::Clients;
use super::target::Target;

/// Why there are no credentials to sign with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsProblem {
    /// Nothing gives any.
    #[error(
        "no credentials for AWS were found: give --profile NAME or set AWS_PROFILE, or make a profile with `aws configure sso`; without an account, leave --target aws out"
    )]
    None,
    /// The profile gives none, or is not there at all.
    #[error("profile {profile} gives no credentials: `aws configure list-profiles` lists the profiles that there are")]
    NoneOfProfile {
        /// Its name.
        profile: String,
    },
    /// A sign-in that is over.
    #[error("the SSO session of profile {profile} is over: run `aws sso login --profile {profile}`")]
    SsoOver {
        /// The profile, `default` where none was named.
        profile: String,
    },
    /// Anything else.
    #[error("the credentials of profile {profile} cannot be loaded: {cause}")]
    Broken {
        /// The profile, `default` where none was named.
        profile: String,
        /// What was said.
        cause: String,
    },
}

/// Loads the credentials of AWS, whatever they come from; endpoints take any and are not asked.
///
/// # Errors
/// What is wrong with them, with its remedy.
pub(super) async fn load(clients: &Clients) -> Result<(), CredentialsProblem> {
    let Target::Aws { profile, .. } = &clients.target else {
        return Ok(());
    };
    let Some(provider) = clients.credentials() else {
        return Err(CredentialsProblem::None);
    };
    let named = profile.clone().or_else(|| std::env::var("AWS_PROFILE").ok()).filter(|name| !name.is_empty());
    match provider.provide_credentials().await {
        Ok(_) => Ok(()),
        Err(error) => Err(problem(named, &error)),
    }
}

fn problem(profile: Option<String>, error: &CredentialsError) -> CredentialsProblem {
    let said = words(error);
    let named = profile.clone().unwrap_or_else(|| "default".to_owned());
    let is_over = ["expired", "sso token", "SSO token", "InvalidToken", "UnauthorizedException"];
    if said.contains("was not defined") || said.contains("could not find profile") {
        return CredentialsProblem::NoneOfProfile { profile: named };
    }
    if (said.contains("SSO") || said.contains("sso")) && is_over.iter().any(|word| said.contains(word)) {
        return CredentialsProblem::SsoOver { profile: named };
    }
    match error {
        CredentialsError::CredentialsNotLoaded(_) if profile.is_none() => CredentialsProblem::None,
        CredentialsError::CredentialsNotLoaded(_) => CredentialsProblem::NoneOfProfile { profile: named },
        _ => CredentialsProblem::Broken { profile: named, cause: said },
    }
}

/// Everything that an error and its causes say, in one line.
fn words(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let text = next.to_string();
        if !said.contains(&text) {
            said = format!("{said}: {text}");
        }
        cause = next.source();
    }
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_problem_names_its_remedy() {
        let none = problem(None, &CredentialsError::not_loaded("no providers in chain provided credentials"));
        assert_eq!(none, CredentialsProblem::None);
        let over = problem(
            Some("class".to_owned()),
            &CredentialsError::provider_error("the SSO token has expired and cannot be refreshed"),
        );
        assert!(over.to_string().contains("aws sso login --profile class"), "{over}");
        let unknown = problem(
            Some("clas".to_owned()),
            &CredentialsError::invalid_configuration("profile `clas` was not defined: x"),
        );
        assert!(unknown.to_string().contains("profile clas gives no"), "{unknown}");
        let broken = problem(Some("tool".to_owned()), &CredentialsError::provider_error("the process ended with 3"));
        assert!(broken.to_string().contains("ended with 3"), "{broken}");
    }
}
