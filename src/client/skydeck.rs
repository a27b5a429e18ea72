//! What only Skydeck offers: operations, samples, explanations, plans, processes, the audit trail and the summary.
//!
//! On another cloud these methods fail with [`super::ClientError::NoService`], except [`Client::whoami`], which the token answers;
//! ask [`Client::supports_skydeck`] first.

use super::{Client, ListQuery, Pages, Result, Service};
use crate::api::wire::{
    AuditList, BusBody, BusShow, Explanation, ExplanationList, LaunchPlan, LaunchPlanBody,
    Operation, OperationBody, OperationList, OperationVerb, ServiceDetail, ServiceDetailList,
    Summary, SummaryBody, UploadStatus, WhoAmI,
};
use crate::compute::wire::ServerCreateRequest;
use crate::network::wire::{Trace, TraceBody, TraceRequest};
use crate::telemetry::wire::{
    SampleBatch, Series, SeriesBody, SeriesQuery, StatisticsBody, StatisticsQuery, TopBody,
    TopQuery,
};

const SKYDECK: Service = Service::Skydeck;
const ALL: Option<(&str, &str)> = Some(("all_projects", "true"));

impl Client {
    /// Who one is here; on another cloud, as far as the token says it.
    pub async fn whoami(&self) -> Result<WhoAmI> {
        if self.supports_skydeck().await? {
            return self.get(SKYDECK, &["whoami"]).parse().await;
        }
        let session = self.session().await?;
        let token = &session.info;
        Ok(WhoAmI {
            user_id: token.user.id.clone(),
            user_name: token.user.name.clone(),
            domain_name: token.user.domain.name.clone(),
            project_id: token.project.as_ref().map(|project| project.id.clone()),
            project_name: token.project.as_ref().map(|project| project.name.clone()),
            roles: token.roles.iter().map(|role| role.name.clone()).collect(),
            region: self.config().region.clone().unwrap_or_default(),
            ..WhoAmI::default()
        })
    }

    /// The cloud as a whole.
    pub async fn summary_show(&self, all_projects: bool) -> Result<Summary> {
        let call = self.get(SKYDECK, &["summary"]);
        let call = call.query(ALL.filter(|_| all_projects));
        Ok(call.parse::<SummaryBody>().await?.summary)
    }

    /// Control processes and agents, with version, start and clock.
    pub async fn service_detail_list(&self) -> Result<Vec<ServiceDetail>> {
        let call = self.get(SKYDECK, &["services"]);
        Ok(call.parse::<ServiceDetailList>().await?.services)
    }

    /// The bus, as the process that answers sees it.
    pub async fn bus_show(&self) -> Result<BusShow> {
        let call = self.get(SKYDECK, &["bus"]);
        Ok(call.parse::<BusBody>().await?.bus)
    }

    /// Operations, newest first; filters `status=active` (not finished), `kind`, `resource_id`, `request_id`.
    pub fn operation_list(&self, query: &ListQuery) -> Pages<OperationList> {
        Pages::new(self.get(SKYDECK, &["operations"]), query, ALL)
    }

    /// One operation with its steps.
    pub async fn operation_show(&self, id: &str) -> Result<Operation> {
        let call = self.get(SKYDECK, &["operations", id]);
        Ok(call.parse::<OperationBody>().await?.operation)
    }

    /// Tries the undo of a stuck operation again.
    pub async fn operation_retry(&self, id: &str) -> Result<Operation> {
        self.operation_verb(id, OperationVerb::Retry).await
    }

    /// Gives a stuck operation up, leaving what is there.
    pub async fn operation_abandon(&self, id: &str) -> Result<Operation> {
        self.operation_verb(id, OperationVerb::Abandon).await
    }

    /// Asks an operation to stop and undo what it did.
    pub async fn operation_abort(&self, id: &str) -> Result<Operation> {
        self.operation_verb(id, OperationVerb::Abort).await
    }

    async fn operation_verb(&self, id: &str, verb: OperationVerb) -> Result<Operation> {
        let call = self.post(SKYDECK, &["operations", id, verb.name()]);
        Ok(call.parse::<OperationBody>().await?.operation)
    }

    /// The newest rates of all servers and hosts.
    pub async fn sample_latest(&self, all_projects: bool) -> Result<SampleBatch> {
        let call = self.get(SKYDECK, &["samples", "latest"]);
        call.query(ALL.filter(|_| all_projects)).parse().await
    }

    /// What a server used over time.
    pub async fn server_sample_list(&self, id: &str, query: &SeriesQuery) -> Result<Series> {
        let call = self
            .get(SKYDECK, &["servers", id, "samples"])
            .query_of(query);
        Ok(call.parse::<SeriesBody>().await?.series)
    }

    /// What a host used over time.
    pub async fn host_sample_list(&self, host: &str, query: &SeriesQuery) -> Result<Series> {
        let call = self
            .get(SKYDECK, &["hosts", host, "samples"])
            .query_of(query);
        Ok(call.parse::<SeriesBody>().await?.series)
    }

    /// Statistics of a meter.
    pub async fn statistics_show(&self, query: &StatisticsQuery) -> Result<StatisticsBody> {
        self.get(SKYDECK, &["statistics"])
            .query_of(query)
            .parse()
            .await
    }

    /// The servers that use most of something.
    pub async fn top_list(&self, query: &TopQuery) -> Result<TopBody> {
        self.get(SKYDECK, &["top"]).query_of(query).parse().await
    }

    /// Why a server is where it is, or nowhere; newest decision first.
    pub async fn server_explain(&self, id: &str) -> Result<Vec<Explanation>> {
        let call = self.get(SKYDECK, &["servers", id, "explanations"]);
        Ok(call.parse::<ExplanationList>().await?.explanations)
    }

    /// What a launch would make, and what would be left; nothing is made.
    pub async fn launch_plan(&self, request: &ServerCreateRequest) -> Result<LaunchPlan> {
        let call = self.post(SKYDECK, &["plans", "launch"]).json(request);
        Ok(call.parse::<LaunchPlanBody>().await?.plan)
    }

    /// How a packet goes, and where it would be dropped; with a probe, also how many went so far.
    pub async fn network_trace(&self, request: &TraceRequest) -> Result<Trace> {
        let call = self.post(SKYDECK, &["network", "trace"]).json(request);
        Ok(call.parse::<TraceBody>().await?.trace)
    }

    /// Who did what, newest first; filters `user_id`, `resource_id`, `outcome`, `since`.
    pub fn audit_list(&self, query: &ListQuery) -> Pages<AuditList> {
        Pages::new(self.get(SKYDECK, &["audit"]), query, ALL)
    }

    /// How far the upload of an image has come.
    pub async fn image_upload_show(&self, id: &str) -> Result<UploadStatus> {
        self.get(SKYDECK, &["images", id, "upload"]).parse().await
    }
}
