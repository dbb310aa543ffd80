//! The resources of a stack, found by type and by the start of the logical ID: a stack made by the CDK carries a hash
//! after each logical ID and is found all the same.

use crate::aws::{Clients, Problem};

/// A resource of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Its name in the template.
    pub logical_id: String,
    /// Its name, URL or ARN in its service, once it has one.
    pub physical_id: Option<String>,
    /// `AWS::S3::Bucket`, …
    pub resource_type: String,
    /// `CREATE_COMPLETE`, …
    pub status: String,
}

/// Every resource of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resources(Vec<Resource>);

impl From<Vec<Resource>> for Resources {
    fn from(resources: Vec<Resource>) -> Self {
        Self(resources)
    }
}

impl Resources {
    /// Lists the resources of a stack, by name or ARN.
    ///
    /// # Errors
    /// When a call fails.
    pub async fn of_stack(clients: &Clients, stack: &str) -> Result<Self, Problem> {
        let mut resources = Vec::new();
        let mut token = None;
        loop {
            let answer = clients
                .cloudformation
                .list_stack_resources()
                .stack_name(stack)
                .set_next_token(token)
                .send()
                .await
                .map_err(|error| Problem::of("cloudformation ListStackResources", &error))?;
            for summary in answer.stack_resource_summaries.unwrap_or_default() {
                resources.push(Resource {
                    logical_id: summary.logical_resource_id.unwrap_or_default(),
                    physical_id: summary.physical_resource_id.filter(|id| !id.is_empty()),
                    resource_type: summary.resource_type.unwrap_or_default(),
                    status: summary.resource_status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
                });
            }
            token = answer.next_token;
            if token.is_none() {
                return Ok(Self(resources));
            }
        }
    }

    /// Every resource, as listed.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Resource> {
        self.0.iter()
    }

    /// Every resource of a type that is not deleted.
    pub fn of_type<'a>(&'a self, resource_type: &'a str) -> impl Iterator<Item = &'a Resource> {
        self.live().filter(move |it| it.resource_type == resource_type)
    }

    fn live(&self) -> impl Iterator<Item = &Resource> {
        self.0.iter().filter(|it| it.status != "DELETE_COMPLETE")
    }

    /// The resource of a type whose logical ID begins with `stem`; the shortest logical ID wins, so that
    /// `fileUploadQueue1A2B3C4D` is not mistaken for `fileUploadQueueDeadLetter9Z8Y7X6W`.
    #[must_use]
    pub fn find<'a>(&'a self, resource_type: &str, stem: &str) -> Option<&'a Resource> {
        self.live()
            .filter(|it| it.resource_type == resource_type)
            .filter(|it| starts_with(&it.logical_id, stem))
            .min_by_key(|it| it.logical_id.len())
    }

    /// The physical name of [`Resources::find`]'s answer.
    #[must_use]
    pub fn name(&self, resource_type: &str, stem: &str) -> Option<&str> {
        self.find(resource_type, stem)?.physical_id.as_deref()
    }
}

/// Case is not told apart: the CDK begins logical IDs of constructs as their authors like.
fn starts_with(logical_id: &str, stem: &str) -> bool {
    logical_id.get(..stem.len()).is_some_and(|start| start.eq_ignore_ascii_case(stem))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(logical: &str, kind: &str) -> Resource {
        Resource {
            logical_id: logical.to_owned(),
            physical_id: Some(format!("physical-{logical}")),
            resource_type: kind.to_owned(),
            status: "CREATE_COMPLETE".to_owned(),
        }
    }

    #[test]
    fn resources_of_a_cdk_made_stack_are_found_by_the_start_of_their_logical_ids() {
        let resources = Resources::from(vec![
            resource("fileUploadEventTable1A2B3C4D", "AWS::DynamoDB::Table"),
            resource("fileUploadQueueDeadLetter9Z8Y7X6W", "AWS::SQS::Queue"),
            resource("FileUploadQueue1A2B3C4D", "AWS::SQS::Queue"),
            resource("dataFileUploadRole", "AWS::IAM::Role"),
            resource("dataFileUpload77AA88BB", "AWS::Logs::LogGroup"),
        ]);
        let name = |kind, stem| resources.name(kind, stem);
        assert_eq!(name("AWS::DynamoDB::Table", "fileUploadEventTable"), Some("physical-fileUploadEventTable1A2B3C4D"));
        assert_eq!(name("AWS::SQS::Queue", "fileUploadQueue"), Some("physical-FileUploadQueue1A2B3C4D"));
        assert_eq!(name("AWS::Logs::LogGroup", "dataFileUpload"), Some("physical-dataFileUpload77AA88BB"));
        assert_eq!(name("AWS::Logs::LogGroup", "manifestFileUpload"), None);
    }

    #[test]
    fn a_deleted_resource_is_not_found() {
        let mut gone = resource("fileUploadBucket", "AWS::S3::Bucket");
        gone.status = "DELETE_COMPLETE".to_owned();
        assert_eq!(Resources::from(vec![gone]).find("AWS::S3::Bucket", "fileUpload"), None);
    }
}
