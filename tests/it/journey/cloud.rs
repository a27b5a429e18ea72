//! A cloud on a private machine.
//!
//! The control process runs inside the machine and listens there on its usual port; its socket is reached by its path from
//! the outside, so that tests use the same client as the console. Everything else is as an operator has it: the settings
//! are the defaults, except that guests are translated, and that what takes its time in earnest does not here.

use std::path::{Path, PathBuf};
use std::time::Duration;

use skydeck::api::wire::Operation;
use skydeck::client::server::Launched;
use skydeck::client::{Client, Clouds, ListQuery};
use skydeck::compute::wire::{
    FlavorCreate, Server, ServerAction, ServerCreate, ServerCreateRequest,
};
use skydeck::image::wire::{Image, ImageCreate};

use super::clean::Baseline;
use crate::lab::machine::Machine;
use crate::lab::process::Running;
use crate::lab::wait::{wait_for_async, wait_until};

/// The program under test.
pub const SKYDECK: &str = env!("CARGO_BIN_EXE_skydeck");
/// The name of the control process that a machine has if it has one.
const FIRST: &str = "server";
/// How long a start may take on a machine that compiles meanwhile.
const START: Duration = Duration::from_secs(60);
/// How long an operation may take, guests booting included.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// What a test may want otherwise.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Settings of the node, besides the pace of its reports.
    pub agent: String,
    /// Where it listens besides its socket and this machine's own port; empty or like `, "10.0.0.1:8775"`.
    pub listen: String,
    /// Further tables of the settings file, `agent` and `api` excepted.
    pub extra: String,
    /// Whether a control process is started; otherwise [`Cloud::boot`] does.
    pub started: bool,
    /// Its name among the control processes of its machine: of its directory there, and of its log.
    pub name: &'static str,
    /// Where it listens on the loopback.
    pub port: u16,
    /// How one logs in, where an earlier control process of the same cloud wrote that.
    pub clouds: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            agent: "virt_type = \"qemu\"\nreport_interval = 1".into(),
            listen: String::new(),
            extra: String::new(),
            started: true,
            name: FIRST,
            port: 8774,
            clouds: None,
        }
    }
}

/// A machine with a control process; both end when it is dropped.
pub struct Cloud {
    pub(super) server: Option<Running>,
    /// Its state after the first start, to which it returns when everything is deleted; with a database of its own.
    baseline: Option<Baseline>,
    /// Its name among the control processes of its machine.
    name: &'static str,
    /// How one logs in.
    clouds: PathBuf,
    /// Where it runs.
    pub machine: Machine,
}

impl Cloud {
    /// A cloud that has just been started for the first time.
    pub fn start() -> Self {
        Self::with(Settings::default())
    }

    /// The same, otherwise set.
    pub fn with(settings: Settings) -> Self {
        Self::on(Machine::start(), settings)
    }

    /// The same on this machine.
    pub fn on(machine: Machine, settings: Settings) -> Self {
        let mut cloud = Self {
            server: None,
            baseline: None,
            name: settings.name,
            clouds: PathBuf::new(),
            machine,
        };
        let data = cloud.data();
        let text = format!(
            "data_dir = {data:?}\n[agent]\n{}\n[api]\nlisten = [\"unix:\", \"127.0.0.1:{}\"{}]\n{}",
            settings.agent, settings.port, settings.listen, settings.extra
        );
        std::fs::create_dir_all(cloud.home()).unwrap();
        std::fs::write(cloud.config(), text).unwrap();
        cloud.clouds = settings.clouds.unwrap_or(data.join("clouds.yaml"));
        if settings.started {
            cloud.boot(&[]);
            // Read from the database's file.
            let embedded = cloud.data().join("skydeck.db").exists();
            cloud.baseline = embedded.then(|| Baseline::of(&cloud));
        }
        cloud
    }

    /// Its name among the control processes of its machine.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Where its files are.
    fn home(&self) -> PathBuf {
        match self.name {
            FIRST => self.machine.dir().to_owned(),
            name => self.machine.dir().join(name),
        }
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.home().join("data")
    }

    /// The settings file.
    pub fn config(&self) -> PathBuf {
        self.home().join("config.toml")
    }

    /// The socket of the API.
    pub fn socket(&self) -> PathBuf {
        self.data().join("api.sock")
    }

    /// Starts the control process with these variables set, and waits until it serves.
    pub fn boot(&mut self, variables: &[(&str, &str)]) {
        assert!(self.server.is_none(), "the control process runs already");
        let mut command = self.machine.command(SKYDECK);
        command
            .arg("server")
            .arg("--config")
            .arg(self.config())
            .env("XDG_CONFIG_HOME", self.machine.dir());
        command.envs(variables.iter().copied());
        let mut server = self.machine.spawn(self.name, command);
        let (socket, clouds) = (self.socket(), self.clouds.clone());
        wait_until("the control process to serve", START, || {
            assert!(
                server.is_running(),
                "the control process ended: {}",
                server.log()
            );
            clouds.exists() && std::os::unix::net::UnixStream::connect(&socket).is_ok()
        });
        self.server = Some(server);
    }

    /// `kill -9` of the control process.
    pub fn kill(&mut self) {
        self.server.take().expect("a control process").kill();
    }

    /// Asks the control process to end, and waits until it has, with success.
    pub fn stop(&mut self) {
        let status = self.server.take().expect("a control process").stop(START);
        assert!(status.success(), "the control process ended with {status}");
    }

    /// Ends the control process in an orderly way and starts it again.
    pub fn restart(&mut self) {
        self.stop();
        self.boot(&[]);
    }

    /// A new client with a session of its own, as the administrator.
    pub fn client(&self) -> Client {
        let clouds = Clouds::load_files(std::slice::from_ref(&self.clouds)).expect("clouds.yaml");
        let config = clouds.get("skydeck").expect("the entry skydeck");
        Client::new(config.over_socket(self.socket())).expect("a client")
    }

    /// The baseline.
    pub(super) fn baseline(&self) -> &Baseline {
        self.baseline.as_ref().expect("a cloud that was started")
    }

    /// Brings in an image and waits until it is usable.
    pub async fn image(&self, name: &str, file: &Path, format: &str) -> Image {
        let client = self.client();
        let create = ImageCreate {
            name: Some(name.to_owned()),
            disk_format: Some(format.to_owned()),
            container_format: Some("bare".to_owned()),
            ..ImageCreate::default()
        };
        let image = client.image_create(&create).await.expect("an image");
        client
            .image_upload(&image.id, file, std::sync::Arc::new(|_, _| {}))
            .await
            .expect("its bytes");
        self.wait_image(&image.id).await
    }

    /// Waits until an image is active.
    pub async fn wait_image(&self, id: &str) -> Image {
        let client = self.client();
        wait_for_async("the image to be active", PATIENCE, async || {
            let image = client.image_show(id).await.expect("the image");
            assert!(
                ["queued", "saving", "importing", "active"].contains(&image.status.as_str()),
                "the image is {}",
                image.status
            );
            (image.status == "active").then_some(image)
        })
        .await
    }

    /// An image that boots nothing: for what needs a running QEMU, but no guest in it.
    pub async fn empty_image(&self) -> Image {
        let file = self.machine.dir().join("empty.raw");
        std::fs::write(&file, vec![0; 1 << 20]).unwrap();
        self.image("empty", &file, "raw").await
    }

    /// A flavor of one processor.
    pub async fn flavor(&self, name: &str, ram: u64, disk: u64) -> String {
        let flavor = FlavorCreate {
            name: name.to_owned(),
            vcpus: Some(1),
            ram: Some(ram),
            disk: Some(disk),
            ..FlavorCreate::default()
        };
        self.client()
            .flavor_create(flavor)
            .await
            .expect("a flavor")
            .id
    }

    /// Asks for a server and returns its id.
    pub async fn launch(&self, server: ServerCreate) -> String {
        self.launch_as(ServerCreateRequest {
            server,
            scheduler_hints: None,
        })
        .await
    }

    /// The same with wishes to the scheduler.
    pub async fn launch_as(&self, request: ServerCreateRequest) -> String {
        match self
            .client()
            .server_create(request)
            .await
            .expect("a server")
        {
            Launched::Server(server) => server.id,
            Launched::Reservation(id) => panic!("a reservation {id} was not asked for"),
        }
    }

    /// Waits until a server has this status and nothing is under way with it.
    pub async fn wait_status(&self, id: &str, status: &str) -> Server {
        let client = self.client();
        wait_for_async(
            &format!("the server to be {status}"),
            PATIENCE,
            async || {
                let server = client.server_show(id).await.expect("the server");
                assert!(
                    server.status != "ERROR" || status == "ERROR" || server.task_state.is_some(),
                    "the server is in error, wanted {status}: {:?}",
                    server.fault
                );
                (server.status == status && server.task_state.is_none()).then_some(server)
            },
        )
        .await
    }

    /// Does something to a server and waits for what it shall lead to.
    pub async fn act(&self, id: &str, action: &ServerAction, status: &str) -> Server {
        let accepted = self.client().server_action(id, action).await;
        accepted.unwrap_or_else(|error| panic!("{action:?}: {error}"));
        // The status may have been this before: what was asked for must have ended.
        self.settled().await;
        self.wait_status(id, status).await
    }

    /// Deletes a server and waits until it is gone.
    pub async fn delete(&self, id: &str) {
        let client = self.client();
        client
            .server_delete(id)
            .await
            .expect("the server to be deleted");
        wait_for_async("the server to be gone", PATIENCE, async || {
            let shown = client.server_show(id).await;
            shown.is_err_and(|error| error.is_not_found()).then_some(())
        })
        .await;
    }

    /// Waits until no operation is under way but those that wait for the operator; panics if one is stuck.
    pub async fn settled(&self) {
        let client = self.client();
        wait_for_async("all operations to end", PATIENCE, async || {
            let query = ListQuery::new().filter("status", "active").all_projects();
            let open: Vec<Operation> = client.operation_list(&query).await.expect("operations");
            for operation in &open {
                let status = operation.status;
                assert_ne!(
                    status,
                    skydeck::api::wire::OperationStatus::Stuck,
                    "stuck: {operation:?}"
                );
            }
            open.iter()
                .all(|operation| operation.step.as_deref() == Some("verify"))
                .then_some(())
        })
        .await;
    }

    /// The newest operation of a kind.
    pub async fn operation(&self, kind: &str) -> Operation {
        let query = ListQuery::new()
            .filter("kind", kind)
            .all_projects()
            .limit(1);
        let mut found: Vec<Operation> = self
            .client()
            .operation_list(&query)
            .await
            .expect("operations");
        found.pop().unwrap_or_else(|| panic!("there was no {kind}"))
    }

    /// Process ids of the guests' QEMUs, as the machine has them.
    pub fn guests(&self) -> Vec<String> {
        let found = self
            .machine
            .try_run(&["sh", "-c", "cat /run/libvirt/qemu/instance-*.pid"])
            .unwrap_or_default();
        found.split_whitespace().map(str::to_owned).collect()
    }
}
