//! Two hosts and a router between them, in network namespaces of this host: as root, on Linux.

use std::io::BufReader;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Namespaces that are gone when this is dropped, and everything in them.
pub(crate) struct Path {
    name: String,
    children: Vec<Child>,
}

/// The addresses of the server, behind the router. The client knows both as `both.test`, and the
/// first alone as `four.test`.
pub(crate) const SERVER4: &str = "10.86.2.2";
pub(crate) const SERVER6: &str = "fd86:2::2";

impl Path {
    /// A client on a link with an MTU of 1500, a router, and a server on a link with an MTU of
    /// `mtu`; `None`, aloud, if this process may not make them. `rules` of nft(8) hold in the
    /// router.
    pub(crate) fn make(mtu: u32, rules: &str) -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("echo6-{}-{number}", std::process::id());
        let path = Self { name, children: Vec::new() };
        if let Err(why) = path.build(mtu, rules) {
            eprintln!("skipped: no network namespaces here: {why}");
            return None;
        }
        Some(path)
    }

    fn build(&self, mtu: u32, rules: &str) -> Result<(), String> {
        let [client, router, server] = ["c", "r", "s"].map(|host| self.host(host));
        for host in [&client, &router, &server] {
            ip(&format!("netns add {host}"))?;
            ip(&format!("-n {host} link set lo up"))?;
            // An address is ready when it is there, without a second of duplicate address detection.
            let ready = "for all in all default; do \
                         echo 0 >/proc/sys/net/ipv6/conf/$all/accept_dad; done";
            succeeds(Command::new("ip").args(["netns", "exec", host, "sh", "-c", ready]))?;
        }
        for (host, link, mtu) in [(&client, 1, 1500), (&server, 2, mtu)] {
            ip(&format!(
                "link add name eth0 mtu {mtu} netns {host} type veth peer name eth{link} mtu {mtu} netns {router}"
            ))?;
            for (host, device, end) in
                [(host, "eth0".to_owned(), 2), (&router, format!("eth{link}"), 1)]
            {
                ip(&format!("-n {host} addr add 10.86.{link}.{end}/24 dev {device}"))?;
                ip(&format!("-n {host} addr add fd86:{link}::{end}/64 dev {device} nodad"))?;
                ip(&format!("-n {host} link set {device} up"))?;
            }
            ip(&format!("-n {host} route add default via 10.86.{link}.1"))?;
            ip(&format!("-n {host} -6 route add default via fd86:{link}::1"))?;
        }
        for family in ["ipv4/ip_forward", "ipv6/conf/all/forwarding"] {
            let forward = format!("echo 1 >/proc/sys/net/{family}");
            succeeds(Command::new("ip").args(["netns", "exec", &router, "sh", "-c", &forward]))?;
        }
        // ip-netns(8) binds it over /etc/hosts.
        let folder = format!("/etc/netns/{client}");
        let hosts = format!("{SERVER4} both.test\n{SERVER6} both.test\n{SERVER4} four.test\n");
        std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        // Nobody is a name server there, and none of this host's is asked.
        let resolver = format!("nameserver {SERVER4}\noptions timeout:1 attempts:1\n");
        for (file, text) in [("hosts", hosts), ("resolv.conf", resolver)] {
            std::fs::write(format!("{folder}/{file}"), text).map_err(|error| error.to_string())?;
        }
        if !rules.is_empty() {
            let table = format!("table inet echo6 {{\n{rules}\n}}");
            succeeds(Command::new("ip").args(["netns", "exec", &router, "nft", &table]))?;
        }
        Ok(())
    }

    fn host(&self, host: &str) -> String {
        format!("{}-{host}", self.name)
    }

    /// A program that runs on the client's side.
    pub(crate) fn client(&self, program: &str, arguments: &[&str]) -> Output {
        self.command("c", program, arguments).output().unwrap()
    }

    /// Starts a program on the server's side; it is killed with the namespaces. Returns its stdout.
    pub(crate) fn serve(
        &mut self,
        program: &str,
        arguments: &[&str],
    ) -> BufReader<std::process::ChildStdout> {
        let mut command = self.command("s", program, arguments);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        self.children.push(child);
        BufReader::new(stdout)
    }

    /// Has the router do that to what it forwards, and nothing else (nft(8)).
    pub(crate) fn filter(&self, rules: &[&str]) {
        let nft = |words: &str| succeeds(&mut self.command("r", "nft", &[words])).unwrap();
        nft("add table inet way");
        nft("add chain inet way c { type filter hook forward priority 0; }");
        nft("flush chain inet way c");
        for rule in rules {
            nft(&format!("add rule inet way c {rule}"));
        }
    }

    /// Changes a setting of the client's kernel (sysctl(8)).
    pub(crate) fn client_setting(&self, setting: &str) {
        succeeds(&mut self.command("c", "sysctl", &["-qw", setting])).unwrap();
    }

    /// `echo6 listen` on the client's side.
    #[cfg(feature = "cli")]
    pub(crate) fn client_listens(&self, arguments: &[&str]) -> super::binary::Listening {
        let mut command = self.command("c", env!("CARGO_BIN_EXE_echo6"), &["listen"]);
        command.args(arguments);
        super::binary::Listening::spawn(command)
    }

    /// Runs ip(8) on the client's side.
    pub(crate) fn client_ip(&self, arguments: &str) {
        ip(&format!("-n {} {arguments}", self.host("c"))).unwrap();
    }

    /// Runs ip(8) on the server's side.
    pub(crate) fn server_ip(&self, arguments: &str) {
        ip(&format!("-n {} {arguments}", self.host("s"))).unwrap();
    }

    /// Runs ip(8) on the router.
    pub(crate) fn router_ip(&self, arguments: &str) {
        ip(&format!("-n {} {arguments}", self.host("r"))).unwrap();
    }

    /// Lets no more than `rate` out of the server's link (tc-tbf(8)), if that can be had.
    pub(crate) fn server_slows(&self, rate: &str) -> bool {
        let arguments = format!("qdisc add dev eth0 root tbf rate {rate} burst 10kb limit 20m");
        let arguments: Vec<&str> = arguments.split(' ').collect();
        succeeds(&mut self.command("s", "tc", &arguments)).is_ok()
    }

    /// Has a setting of the router's kernel changed, if it can be (sysctl(8)).
    pub(crate) fn router_setting(&self, setting: &str) -> bool {
        succeeds(&mut self.command("r", "sysctl", &["-qw", setting])).is_ok()
    }

    /// `echo6 listen` on the server's side.
    #[cfg(feature = "cli")]
    pub(crate) fn listen(&self, arguments: &[&str]) -> super::binary::Listening {
        let mut command = self.command("s", env!("CARGO_BIN_EXE_echo6"), &["listen"]);
        command.args(arguments);
        super::binary::Listening::spawn(command)
    }

    fn command(&self, host: &str, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.host(host), program]).args(arguments);
        command
    }
}

impl Drop for Path {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
        for host in ["c", "r", "s"] {
            let _ = ip(&format!("netns del {}", self.host(host)));
        }
        let _ = std::fs::remove_dir_all(format!("/etc/netns/{}", self.host("c")));
    }
}

fn ip(arguments: &str) -> Result<(), String> {
    succeeds(Command::new("ip").args(arguments.split(' ')))
}

fn succeeds(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}
