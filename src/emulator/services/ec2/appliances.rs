//! Instances of the Storage Gateway's image: each is an appliance, whose service is told whenever one of them is
//! switched on or off.

use std::sync::{Arc, PoisonError};

use serde_json::{Value, json};

use super::Ec2;
use super::images::is_gateway;
use super::kind::INSTANCE;
use crate::emulator::Delivery;

/// Operations after which instances are no more what they were, with the list of them in the answer.
const SWITCHES: [(&str, &str); 4] = [
    ("RunInstances", "Instances"),
    ("StartInstances", "StartingInstances"),
    ("StopInstances", "StoppingInstances"),
    ("TerminateInstances", "TerminatingInstances"),
];

impl Ec2 {
    /// Tells Storage Gateway of the appliances that an operation has switched.
    pub(super) async fn tell_of_appliances(&self, operation: &str, answer: &Value) {
        let Some((_, list)) = SWITCHES.iter().find(|(name, _)| *name == operation) else { return };
        let switched = answer[*list].as_array().into_iter().flatten();
        for id in switched.filter_map(|instance| instance["InstanceId"].as_str()) {
            let image = self.with_store(None, |work| Ok(work.store.get(&INSTANCE, id)?.text("ImageId").to_owned()));
            if image.is_ok_and(|image| is_gateway(&image)) {
                self.tell_of_appliance(id).await;
            }
        }
    }

    /// Tells Storage Gateway of every appliance that there is, as it may have missed what was switched last before the
    /// endpoint ended.
    pub(super) async fn tell_of_all_appliances(&self) {
        let is_new = self.store.lock().unwrap_or_else(PoisonError::into_inner).0.is_none();
        if is_new {
            return;
        }
        let all = self.with_store(None, |work| {
            let appliances = work.store.of(&INSTANCE).filter(|one| is_gateway(one.text("ImageId")));
            Ok(appliances.map(|one| one.id.clone()).collect::<Vec<_>>())
        });
        for id in all.unwrap_or_default() {
            self.tell_of_appliance(&id).await;
        }
    }

    async fn tell_of_appliance(&self, id: &str) {
        let delivery = Delivery {
            target: self.fabric.arn("storagegateway", format!("appliance/{id}")),
            payload: json!({ "instance-id": id }).to_string().into(),
            principal: "ec2.amazonaws.com",
            source_arn: self.fabric.arn("ec2", format!("instance/{id}")).to_string().into(),
            subject: Arc::from(id),
            parameters: Value::Null,
            retries: 0,
        };
        if let Err(error) = self.fabric.deliver(delivery).await {
            tracing::warn!(%error, instance = id, "the appliance does not follow its instance");
        }
    }
}
