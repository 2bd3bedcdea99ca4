//! Against whichever PostgreSQL this machine has.

use std::time::Instant;

use sqlx::Row;

use super::*;

async fn count(options: &PgConnectOptions) -> Result<i64, sqlx::Error> {
    let mut connection = options.connect().await?;
    sqlx::query("SELECT count(*) FROM reading").fetch_one(&mut connection).await?.try_get(0)
}

async fn create_table_with_a_row(options: &PgConnectOptions) {
    let mut connection = options.connect().await.unwrap();
    connection.execute("CREATE TABLE reading (at timestamptz)").await.unwrap();
    connection.execute("INSERT INTO reading VALUES (now())").await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn an_ephemeral_server_has_roles_database_and_unicode_and_leaves_nothing_behind() {
    let postgres = Postgres::ephemeral().await.unwrap();
    let mut connection = postgres.connect_options().connect().await.unwrap();
    let row = sqlx::query(
        "SELECT current_user::text, current_database()::text, current_setting('server_encoding'), lower('ÉTÉ')",
    );
    let row = row.fetch_one(&mut connection).await.unwrap();
    let told: Vec<String> = (0..4).map(|column| row.get(column)).collect();
    assert_eq!(told, [APP_ROLE, DATABASE, "UTF8", "été"]);
    connection.close().await.unwrap();

    let directory = postgres.directory().unwrap().to_owned();
    assert!(directory.exists());
    drop(postgres);
    assert!(!directory.exists());
}

#[tokio::test]
async fn the_application_may_run_migrations_and_constraint_extensions() {
    let postgres = Postgres::ephemeral().await.unwrap();
    let mut connection = postgres.connect_options().connect().await.unwrap();
    connection.execute("CREATE EXTENSION btree_gist").await.unwrap();
    connection.execute("CREATE TABLE t (at timestamptz) PARTITION BY RANGE (at)").await.unwrap();
    connection.execute("CREATE SCHEMA other CREATE TABLE u (id int)").await.unwrap();
}

#[tokio::test]
async fn a_test_gets_its_own_copy_of_a_prepared_database() {
    let postgres = Postgres::ephemeral().await.unwrap();
    create_table_with_a_row(&postgres.connect_options()).await;
    let started = Instant::now();
    let copy = postgres.create_database_from_template(DATABASE, "a \"test\"").await.unwrap();
    println!("copied in {:?}", started.elapsed());
    let mut connection = copy.connect().await.unwrap();
    connection.execute("DELETE FROM reading").await.unwrap();
    assert_eq!(count(&copy).await.unwrap(), 0);
    assert_eq!(count(&postgres.connect_options()).await.unwrap(), 1);
}

#[tokio::test]
async fn stopped_it_refuses_and_resumed_it_answers_on_the_same_port() {
    let postgres = Postgres::ephemeral().await.unwrap();
    create_table_with_a_row(&postgres.connect_options()).await;
    let options = postgres.connect_options();
    let held = options.connect().await.unwrap();

    postgres.stop().await.unwrap();
    assert!(options.connect().await.is_err());
    postgres.stop().await.unwrap();
    drop(held);

    postgres.resume().await.unwrap();
    postgres.resume().await.unwrap();
    assert_eq!(count(&options).await.unwrap(), 1);
    assert_eq!(postgres.environment()["PGPORT"], options.get_port().to_string());
}

#[tokio::test]
async fn data_outlive_the_server_and_a_second_start_takes_over() {
    let data_dir = tempfile::tempdir().unwrap();
    let first = Postgres::start(data_dir.path()).await.unwrap();
    create_table_with_a_row(&first.connect_options()).await;
    let home = first.directory().unwrap().to_owned();

    // A start over files that are being served: the situation after `kill -9`, before the guard has acted.
    let started = Instant::now();
    let second = Postgres::start(data_dir.path()).await.unwrap();
    println!("taken over in {:?}", started.elapsed());
    assert_eq!(count(&second.connect_options()).await.unwrap(), 1);
    assert!(count(&first.connect_options()).await.is_err(), "the first one was stopped");
    assert_eq!(second.directory(), Some(home.as_path()));

    second.shutdown().await;
    drop((first, second));
    // Under root the files cannot be in root's temporary directory.
    if !home.starts_with(data_dir.path()) {
        std::fs::remove_dir_all(home.parent().unwrap()).unwrap();
    }
}

#[tokio::test]
async fn data_of_another_version_are_not_touched() {
    let data_dir = tempfile::tempdir().unwrap();
    // Open to the account the server would run as, so that the files are looked for here.
    std::fs::set_permissions(data_dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let data = data_dir.path().join("postgres/data");
    std::fs::create_dir_all(&data).unwrap();
    std::fs::write(data.join("PG_VERSION"), "9.6\n").unwrap();
    let refused = Postgres::start(data_dir.path()).await.err().expect("refused");
    assert!(refused.to_string().contains("was written by PostgreSQL 9.6"), "{refused}");
}

#[test]
fn a_password_in_the_url_reaches_the_functions_decoded() {
    let password =
        percent_decoded_password("postgres://parvis:p%40ss+w%2Ford@db.example:5433/city?sslmode=require").unwrap();
    assert_eq!(password.as_deref(), Some("p@ss+w/ord"));
    assert_eq!(percent_decoded_password("postgres://parvis@localhost/city").unwrap(), None);
}

/// Set in the process that the test below starts and kills: itself once more.
const AS_HOST: &str = "PARVIS_TEST_POSTGRES_HOST";

#[tokio::test]
async fn no_server_outlives_a_killed_parent() {
    use std::io::BufRead;
    if std::env::var_os(AS_HOST).is_some() {
        let postgres = Postgres::ephemeral().await.unwrap();
        println!("port={}", postgres.port());
        std::future::pending::<()>().await;
    }
    let this = format!("{}::no_server_outlives_a_killed_parent", module_path!().split_once("::").unwrap().1);
    let mut host = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", &this])
        .env(AS_HOST, "1")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let lines = std::io::BufReader::new(host.stdout.take().unwrap()).lines();
    let port =
        lines.map_while(Result::ok).find_map(|line| Some(line.split_once("port=")?.1.parse::<u16>().unwrap())).unwrap();
    std::net::TcpStream::connect(("127.0.0.1", port)).expect("it runs");

    host.kill().unwrap();
    host.wait().unwrap();
    let deadline = Instant::now() + std::time::Duration::from_secs(10);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
        assert!(Instant::now() < deadline, "the server still runs");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
