//! Security groups and their rules.

use super::{Client, ListQuery, Pages, Result, Service};
use crate::network::wire::{
    SecurityGroup, SecurityGroupBody, SecurityGroupFields, SecurityGroupList, SecurityGroupRequest,
    SecurityGroupRule, SecurityGroupRuleBody, SecurityGroupRuleFields, SecurityGroupRuleRequest,
};

const NETWORK: Service = Service::Network;

impl Client {
    /// Security groups with their rules; filters are any of their fields.
    pub fn security_group_list(&self, query: &ListQuery) -> Pages<SecurityGroupList> {
        Pages::new(self.get(NETWORK, &["security-groups"]), query, None)
    }

    /// One security group.
    pub async fn security_group_show(&self, id: &str) -> Result<SecurityGroup> {
        let call = self.get(NETWORK, &["security-groups", id]);
        Ok(call.parse::<SecurityGroupBody>().await?.security_group)
    }

    /// Makes a security group.
    pub async fn security_group_create(
        &self,
        fields: SecurityGroupFields,
    ) -> Result<SecurityGroup> {
        let body = SecurityGroupRequest {
            security_group: fields,
        };
        let call = self.post(NETWORK, &["security-groups"]).json(&body);
        Ok(call.parse::<SecurityGroupBody>().await?.security_group)
    }

    /// Changes what a security group is called.
    pub async fn security_group_update(
        &self,
        id: &str,
        fields: SecurityGroupFields,
    ) -> Result<SecurityGroup> {
        let body = SecurityGroupRequest {
            security_group: fields,
        };
        let call = self.put(NETWORK, &["security-groups", id]).json(&body);
        Ok(call.parse::<SecurityGroupBody>().await?.security_group)
    }

    /// Deletes a security group; no port may have it.
    pub async fn security_group_delete(&self, id: &str) -> Result<()> {
        let call = self.delete(NETWORK, &["security-groups", id]);
        call.accept().await.map(drop)
    }

    /// Adds a rule to a group.
    pub async fn security_rule_create(
        &self,
        fields: SecurityGroupRuleFields,
    ) -> Result<SecurityGroupRule> {
        let body = SecurityGroupRuleRequest {
            security_group_rule: fields,
        };
        let call = self.post(NETWORK, &["security-group-rules"]).json(&body);
        let answer = call.parse::<SecurityGroupRuleBody>().await?;
        Ok(answer.security_group_rule)
    }

    /// Deletes a rule.
    pub async fn security_rule_delete(&self, id: &str) -> Result<()> {
        let call = self.delete(NETWORK, &["security-group-rules", id]);
        call.accept().await.map(drop)
    }
}
