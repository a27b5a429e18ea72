//! Against a server of our own that redirects, lies and breaks off.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// Answers each connection by what `answer` makes of the request's text, then closes it.
async fn serve(answer: fn(&str) -> String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let count = stream.read(&mut request).await.unwrap_or(0);
            let text = String::from_utf8_lossy(&request[..count]).to_lowercase();
            let _ = stream.write_all(answer(&text).as_bytes()).await;
        }
    });
    address
}

async fn read(fetched: Fetched) -> Result<Vec<u8>, FetchError> {
    let mut body = std::pin::pin!(fetched.body());
    let mut all = Vec::new();
    while let Some(piece) = body.next().await {
        all.extend_from_slice(&piece?);
    }
    Ok(all)
}

fn plain(url: &str) -> Fetch<'_> {
    Fetch {
        url,
        trusted: true,
        resume: None,
    }
}

#[test]
fn addresses_of_our_own_machines_are_for_administrators() {
    for url in [
        "http://127.0.0.1/x",
        "http://127.1:8774/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0.0.0.0/",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:a9fe:a9fe]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[fe80::1]/",
        "http://[fd00:ec2::254]/",
        "http://224.0.0.1/",
    ] {
        assert!(
            check_url(url, false).unwrap_err().contains("administrator"),
            "{url}"
        );
        assert_eq!(check_url(url, true), Ok(()), "{url}");
    }
    for url in [
        "http://10.0.0.1/x",
        "https://192.0.2.1/x",
        "https://example.org/x?y",
    ] {
        assert_eq!(check_url(url, false), Ok(()), "{url}");
    }
    for (url, part) in [
        ("file:///etc/passwd", "file:"),
        ("ftp://x/y", "ftp:"),
        ("gopher://x", "gopher:"),
        ("https://me:secret@example.org/", "password"),
        ("nonsense", "no address"),
        ("", "no address"),
    ] {
        let reason = check_url(url, true).unwrap_err();
        assert!(
            reason.contains(part) && !reason.contains("secret"),
            "{reason}"
        );
    }
}

#[tokio::test]
async fn a_name_that_means_this_machine_is_refused_when_it_is_connected_to() {
    let address = serve(|_| "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi".into()).await;
    let url = format!("http://localhost:{}/", address.port());
    let error = fetch(&Fetch {
        trusted: false,
        ..plain(&url)
    })
    .await
    .err()
    .unwrap();
    assert!(
        error.message.contains("administrator") && !error.passing,
        "{error}"
    );
    let fetched = fetch(&plain(&url)).await.unwrap();
    assert_eq!((fetched.start, fetched.total), (0, Some(2)));
    assert_eq!(read(fetched).await.unwrap(), b"hi");
}

#[tokio::test]
async fn redirects_are_bounded_and_checked() {
    let address =
        serve(|_| "HTTP/1.1 302 Found\r\nlocation: /again\r\ncontent-length: 0\r\n\r\n".into())
            .await;
    let error = fetch(&plain(&format!("http://{address}/")))
        .await
        .err()
        .unwrap();
    assert!(
        error.message.contains("more than 5") && !error.passing,
        "{error}"
    );
    let address = serve(|_| {
        "HTTP/1.1 302 Found\r\nlocation: file:///etc/passwd\r\ncontent-length: 0\r\n\r\n".into()
    })
    .await;
    let error = fetch(&plain(&format!("http://{address}/")))
        .await
        .err()
        .unwrap();
    assert!(!error.passing, "{error}");
}

#[tokio::test]
async fn a_download_goes_on_where_it_broke_off_or_begins_anew_when_the_file_changed() {
    fn answer(request: &str) -> String {
        let whole = "0123456789";
        let same = request.contains("if-range: \"v1\"");
        if same && request.contains("range: bytes=4-") {
            return format!(
                "HTTP/1.1 206 Partial\r\netag: \"v1\"\r\ncontent-range: bytes 4-9/10\r\ncontent-length: 6\r\n\r\n{}",
                &whole[4..]
            );
        }
        if same && request.contains("range: bytes=10-") {
            return "HTTP/1.1 416 No\r\ncontent-range: bytes */10\r\ncontent-length: 0\r\n\r\n"
                .into();
        }
        if request.contains("get /short") {
            return format!(
                "HTTP/1.1 200 OK\r\netag: \"v1\"\r\ncontent-length: 10\r\n\r\n{}",
                &whole[..4]
            );
        }
        format!("HTTP/1.1 200 OK\r\netag: \"v2\"\r\ncontent-length: 10\r\n\r\n{whole}")
    }
    let address = serve(answer).await;
    let (url, short) = (
        format!("http://{address}/x"),
        format!("http://{address}/short"),
    );
    let fetched = fetch(&plain(&short)).await.unwrap();
    assert_eq!(fetched.validator.as_deref(), Some("\"v1\""));
    assert!(read(fetched).await.unwrap_err().passing);
    for (from, validator, start, body) in [
        (4, "\"v1\"", 4, "456789"),
        (10, "\"v1\"", 10, ""),
        (4, "\"v0\"", 0, "0123456789"),
        (0, "\"v1\"", 0, "0123456789"),
    ] {
        let request = Fetch {
            resume: Some((from, validator)),
            ..plain(&url)
        };
        let fetched = fetch(&request).await.unwrap();
        assert_eq!((fetched.start, fetched.total), (start, Some(10)));
        assert_eq!(read(fetched).await.unwrap(), body.as_bytes());
    }
}

#[tokio::test]
async fn failures_say_whether_they_may_pass() {
    for (answer, passing) in [
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", false),
        ("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n", true),
    ] {
        let address = if passing {
            serve(|_| "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n".into()).await
        } else {
            serve(|_| "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".into()).await
        };
        let error = fetch(&plain(&format!("http://{address}/x")))
            .await
            .err()
            .unwrap();
        assert_eq!(error.passing, passing, "{answer}: {error}");
    }
    let closed = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let error = fetch(&plain(&format!("http://{closed}/x")))
        .await
        .err()
        .unwrap();
    assert!(error.passing, "{error}");
}
