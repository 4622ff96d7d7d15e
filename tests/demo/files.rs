//! Files: a copy from one FTP server to another, and a download that breaks and goes on.

use std::time::Duration;

use fairway_ftp::{Client, Limits, Server};
use fairway_tests::ftp::{Config, FtpServer};

use crate::Error;
use crate::stage::{Between, Stage};
use crate::story::Story;

/// What is copied.
const CHART: usize = 1 << 20;
/// How long the trunk is cut: longer than a transfer may stand still.
const CUT: Duration = Duration::from_secs(20);

/// Copies a chart from the office to the quay, which the ship only asks for, and gets it over the bad link.
pub(crate) async fn copy_and_get(stage: &Stage, story: &Story) -> Result<(), Error> {
    story.step("A file, from server to server")?;
    let port = stage.ftp_port;
    let [office, quay] = [&stage.office, &stage.quay].map(|net| {
        let config = Config::new().listen((stage.any.ip(), port));
        FtpServer::start(net, config)
    });
    let (office, quay) = (office?, quay?);
    let chart: Vec<u8> = (0..CHART)
        .map(|at| at.to_le_bytes().iter().fold(7, |a, b| a ^ b))
        .collect();
    office.files().put("/charts/harbour.map", chart.clone());
    quay.files().directory("/in");

    let mut limits = Limits::default();
    limits.data_idle = Duration::from_secs(5);
    limits.reply = Duration::from_secs(5);
    let client = Client::with_limits(stage.ship.clone(), limits);
    let site = |name: &str, server: &FtpServer| {
        client.site(
            Server::new(name)
                .on_port(server.address().port())
                .login("u1", "secret"),
        )
    };
    let (from, to) = (site(stage.name, &office), site(stage.quay_name, &quay));
    let before = stage.between.as_ref().map(Between::carried);
    let report = client
        .copy((&from, "/charts/harbour.map"), (&to, "/in/harbour.map"))
        .run()
        .await?;
    let after = stage.between.as_ref().map(Between::carried);
    if quay.files().read("/in/harbour.map").as_ref() != Some(&chart) {
        return Err("the copy is not the original".into());
    }
    story.exchange(
        "office:/charts → quay:/in",
        &format!(
            "{} octets, same size at both ends",
            report.octets.unwrap_or_default()
        ),
    )?;
    story.say(
        "The ship told one server to listen and the other to connect; the octets went\n\
         from server to server. It believed the copy when both said 226 and the sizes\n\
         were the same.",
    )?;
    if let (Some(before), Some(after)) = (before, after) {
        story.say(&format!(
            "Over the trunk, between ship and shore, went {} octets of talk.",
            after - before
        ))?;
    }
    if let Some(between) = &stage.between {
        get_through_a_cut(stage, between, story, &from, &chart).await?;
    }
    client.close().await;
    office.stop();
    quay.stop();
    Ok(())
}

/// A download that breaks because the only way is cut goes on where it was.
async fn get_through_a_cut(
    stage: &Stage,
    between: &Between,
    story: &Story,
    from: &fairway_ftp::Site,
    chart: &[u8],
) -> Result<(), Error> {
    story.step("A download that breaks, and goes on")?;
    let clock = stage.ship.clock();
    let get = from.get("/charts/harbour.map").to_file("/harbour.map");
    let cut = async {
        clock.sleep(Duration::from_millis(200)).await;
        between.trunk.down();
        clock.sleep(CUT).await;
        between.trunk.up();
    };
    let (report, ()) = tokio::join!(get, cut);
    let report = report?;
    let got = stage.ship.files().read("/harbour.map").await?;
    if got != chart {
        return Err("what came is not the original".into());
    }
    story.exchange(
        "get harbour.map, the trunk cut",
        &format!("{} octets, in order and once", got.len()),
    )?;
    story.say(&format!(
        "The trunk was cut for {} s, longer than the time limit of 5 s. The client made\n\
         a new connection when there was a way again, made sure that the file was the\n\
         same, and asked for the rest (REST): taken up again {} {}.",
        CUT.as_secs(),
        report.retries,
        if report.retries == 1 { "time" } else { "times" }
    ))?;
    Ok(())
}
