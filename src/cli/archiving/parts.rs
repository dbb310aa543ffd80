//! What a run needs to know of a stack that archives: its state machine, topic, buckets and places, by its outputs.

use anyhow::{Context, bail};

use crate::deploy::{Resources, S3TAR, Stack};
use crate::s3tar::Location;

use super::super::session::Session;
use super::image::IMAGE;

/// A stack that archives.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The stack.
    pub stack: Stack,
    /// Number of its resources.
    pub resources: usize,
    /// The state machine's ARN.
    pub machine: String,
    /// The topic's ARN.
    pub topic: String,
    /// The bucket whose objects are archived.
    pub source: String,
    /// The bucket that inventories and archives are in.
    pub dest: String,
    /// Where the folders of inventories are.
    pub inventories: Location,
    /// Below which archives are put.
    pub archives: Location,
    /// The image of the task.
    pub image: String,
    /// When the schedule starts the state machine.
    pub expression: String,
    /// Whether it does.
    pub is_scheduled: bool,
    region: String,
}

impl Parts {
    /// The parts of a stack that stands.
    ///
    /// # Errors
    /// When it is no stack that archives, or was deployed by an earlier version of its template.
    pub async fn of(session: &Session, stack: Stack) -> anyhow::Result<Self> {
        let resources = Resources::of_stack(&session.clients, &stack.id).await?.iter().len();
        let output = |key: &str| {
            stack.output(key).map(str::to_owned).with_context(|| {
                format!(
                    "stack {} has no output {key}: `vaultscope deploy {}` brings it up to date",
                    stack.seen.name, S3TAR.id
                )
            })
        };
        let place = |key: &str| {
            let text = output(key)?;
            Location::without_scheme(&text).with_context(|| format!("{key} is {text:?}, which is no bucket/prefix"))
        };
        let parameter = |key: &str, usual: &str| stack.parameter(key).unwrap_or(usual).to_owned();
        Ok(Self {
            machine: output("s3TarStateMachineArn")?,
            topic: output("s3tarNotificationTopicArn")?,
            source: output("sourceBucketName")?,
            dest: output("destBucketName")?,
            inventories: place("destBucketInventoryPrefix")?,
            archives: place("destBucketS3TarPrefix")?,
            image: output(IMAGE)?,
            expression: parameter("scheduleExpression", "cron(0 0 ? * MON-SUN *)"),
            is_scheduled: parameter("scheduleState", "ENABLED") == "ENABLED",
            region: parameter("destBucketRegion", "us-east-1"),
            resources,
            stack,
        })
    }

    /// Where an inventory is delivered to, and its id: S3 puts the source bucket's name and the id behind the prefix.
    ///
    /// # Errors
    /// When the place of the inventories does not end so.
    pub fn delivery(&self) -> anyhow::Result<(Location, String)> {
        let key = self.inventories.key.trim_matches('/');
        let (before, id) = key.rsplit_once('/').unwrap_or(("", key));
        let prefix = match before.rsplit_once('/') {
            Some((prefix, source)) if source == self.source => prefix,
            None if before == self.source => "",
            _ => bail!(
                "inventories of bucket {} are looked for at {}, and S3 delivers them below …/{}/inventory-id/: change destBucketInventoryPrefix",
                self.source,
                self.inventories,
                self.source
            ),
        };
        Ok((self.inventories.at(prefix), id.to_owned()))
    }

    /// The archive that a task of that day makes.
    pub fn archive(&self, day: &str) -> Location {
        self.archives.below(day).below(&format!("s3tar_archive_{day}.tar"))
    }

    /// The environment of the task's container.
    pub fn environment(&self) -> [(&'static str, String); 5] {
        let text = |place: &Location| format!("{}/{}", place.bucket, place.key);
        [
            ("SOURCE_BUCKET_NAME", self.source.clone()),
            ("DEST_BUCKET_NAME", self.dest.clone()),
            ("DEST_BUCKET_INVENTORY_PREFIX", text(&self.inventories)),
            ("DEST_BUCKET_S3TAR_PREFIX", text(&self.archives)),
            ("DEST_BUCKET_REGION", self.region.clone()),
        ]
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::model::{StackSeen, Timestamp};

    /// A stack that stands nowhere.
    pub fn parts(inventories: &str) -> Parts {
        let place = |text: &str| Location::without_scheme(text).expect("a place");
        let seen = StackSeen::gone("S");
        Parts {
            stack: Stack {
                id: "S".to_owned(),
                seen,
                status: "CREATE_COMPLETE".to_owned(),
                changed: Timestamp::default(),
                is_tagged: true,
                is_protected: false,
            },
            resources: 30,
            machine: "arn:machine".to_owned(),
            topic: "arn:topic".to_owned(),
            source: "source".to_owned(),
            dest: "dest".to_owned(),
            inventories: place(inventories),
            archives: place("dest/s3tar"),
            image: "registry/s3tar:v1".to_owned(),
            expression: "cron(0 0 ? * MON-SUN *)".to_owned(),
            is_scheduled: true,
            region: "us-east-1".to_owned(),
        }
    }

    #[test]
    fn an_inventory_goes_where_the_task_looks_for_it() {
        for (inventories, prefix) in
            [("dest/source/daily/", ""), ("dest/all/source/daily", "all"), ("dest/a/b/source/daily/", "a/b")]
        {
            let parts = parts(inventories);
            let (to, id) = parts.delivery().expect(inventories);
            assert_eq!((to.key.as_str(), id.as_str()), (prefix, "daily"));
            let found = to.below(&parts.source).below(&id);
            assert_eq!(found.key.trim_matches('/'), parts.inventories.key.trim_matches('/'));
        }
        for other in ["dest/else/daily/", "dest/daily/"] {
            assert!(parts(other).delivery().expect_err(other).to_string().contains("destBucketInventoryPrefix"));
        }
        assert_eq!(
            parts("dest/source/daily/").archive("2026-11-22").key,
            "s3tar/2026-11-22/s3tar_archive_2026-11-22.tar"
        );
    }
}
