//! The stacks whose templates we have. Each template is compiled in, so that a binary is all that is needed.

use super::template::Template;

/// A stack of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// Its name in the catalogue.
    pub id: &'static str,
    /// The name that a stack of it has unless the user chooses another one.
    pub stack: &'static str,
    /// What it is for, in one sentence without a full stop.
    pub purpose: &'static str,
    /// Its template's text.
    pub text: &'static str,
}

/// Processes upload notifications.
pub const EVENT_PROCESSING: Offer = Offer {
    id: "event-processing",
    stack: "EventProcessingStack",
    purpose: "processes upload notifications and reconciles each dataset with its manifest",
    text: include_str!("../../stacks/event-processing.yaml"),
};

/// Holds the functions' zips of all others.
pub const BOOTSTRAP: Offer = Offer {
    id: "bootstrap",
    stack: "VaultscopeBootstrap",
    purpose: "holds the functions' zips that vaultscope uploads",
    text: include_str!("../../stacks/bootstrap.yaml"),
};

/// The gateway and its client. It needs none of our functions.
pub const DATA_VAULTING: Offer = Offer {
    id: "data-vaulting",
    stack: "DataVaultingStack",
    purpose: "makes a File Gateway and a client of it in a VPC, for vaulting into the event processing stack's bucket",
    text: include_str!("../../stacks/data-vaulting.yaml"),
};

/// Archives a bucket's objects once a day.
pub const S3TAR: Offer = Offer {
    id: "s3tar",
    stack: "S3TarStack",
    purpose: "archives the objects of yesterday's S3 Inventory once a day and notifies of it",
    text: include_str!("../../stacks/s3tar.yaml"),
};

/// Hears the archiving stack's notifications while `vaultscope run` lasts. Nobody deploys it by hand, so it is in no
/// list.
pub const S3TAR_LISTENER: Offer = Offer {
    id: "s3tar-listener",
    stack: "S3TarRunListener",
    purpose: "hears the notifications of the stack s3tar while `vaultscope run` lasts",
    text: include_str!("../../stacks/s3tar-listener.yaml"),
};

/// Every template that can be deployed.
pub const CATALOGUE: [Offer; 4] = [EVENT_PROCESSING, BOOTSTRAP, DATA_VAULTING, S3TAR];

/// The name that the workshop gives the event processing stack.
pub const STACK_NAME: &str = EVENT_PROCESSING.stack;

impl Offer {
    /// Its template, read; a test keeps that every one of ours can be.
    #[must_use]
    pub fn template(&self) -> Option<Template> {
        Template::read(self.text)
    }

    /// The offer of that name or usual stack name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        CATALOGUE.into_iter().find(|offer| offer.id == name || offer.stack == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_read_fits_and_retains_nothing() {
        for offer in CATALOGUE.into_iter().chain([S3TAR_LISTENER]) {
            let template = offer.template().expect(offer.id);
            for size in template.sizes() {
                assert!(size.fits(), "{}: {size:?}", offer.id);
            }
            assert!(template.retained().is_empty(), "{}", offer.id);
            // CloudFormation gives other characters back as question marks, and the template would seem to differ.
            assert!(offer.text.is_ascii(), "{}", offer.id);
            let resources = offer.text.split_once("\nResources:\n").expect("resources").1;
            let types = resources.lines().filter(|line| line.starts_with("    Type: AWS::")).count();
            assert_eq!(template.resource_count(), types, "{}", offer.id);
        }
    }

    #[test]
    fn offers_are_found_by_either_name() {
        assert_eq!(Offer::find("bootstrap"), Some(BOOTSTRAP));
        assert_eq!(Offer::find("EventProcessingStack"), Some(EVENT_PROCESSING));
        assert_eq!(Offer::find("data-vaulting"), Some(DATA_VAULTING));
        assert_eq!(Offer::find("else"), None);
    }
}
