//! Connections that read the history, outside the runtime's threads.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::error::ReadError;
use super::folder::DatabaseFiles;
use super::schema;
use crate::log::Throttle;

/// Maximum number of connections that read at the same time.
const READERS_MAX: usize = 4;

/// A pool of connections that read. Each is opened when it is first needed, and kept.
pub(super) struct Readers {
    path: PathBuf,
    files: Arc<DatabaseFiles>,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
    failures: Throttle,
}

impl Readers {
    pub(super) fn new(path: PathBuf, files: Arc<DatabaseFiles>) -> Self {
        Self { path, files, idle: Mutex::default(), permits: Arc::new(Semaphore::new(READERS_MAX)), failures: Throttle::new() }
    }

    /// Returns the database's files.
    pub(super) fn files(&self) -> &Arc<DatabaseFiles> {
        &self.files
    }

    /// Runs a query when a connection is free, and logs its failure. Dropping the future does not
    /// cancel a query that runs.
    pub(super) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        query: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, ReadError> {
        let permit = self.permits.clone().acquire_owned().await.map_err(|_| ReadError)?;
        let readers = self.clone();
        let run = move || {
            // Held until the query ends, even if the future was dropped.
            let _permit = permit;
            readers.run_blocking(query)
        };
        spawn_blocking(run).await.map_err(|_| ReadError)?.map_err(|error| {
            if let Some(suppressed) = self.failures.pass(Instant::now()) {
                tracing::error!(%error, suppressed, "reading the history failed");
            }
            ReadError
        })
    }

    fn run_blocking<T>(&self, query: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let idle = self.idle.lock().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.open()?,
        };
        let result = query(&mut connection)?;
        self.idle.lock().push(connection);
        Ok(result)
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        let connection = schema::open_reader(&self.path)?;
        // After the folder was removed, another server may have created a new database at the same
        // path.
        self.files.check().map_err(|_| rusqlite::Error::InvalidPath(self.path.clone()))?;
        Ok(connection)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::sync::oneshot;

    use super::super::folder::Folder;
    use super::*;

    #[tokio::test]
    async fn counts_a_query_whose_future_was_dropped_until_it_ends() {
        let folder = tempfile::TempDir::new().unwrap();
        let folder = Folder::lock(folder.path()).unwrap();
        let path = folder.database();
        let mut connection = schema::open(&path).unwrap();
        schema::migrate(&mut connection).unwrap();
        let readers = Arc::new(Readers::new(path, Arc::new(DatabaseFiles::find(&folder).unwrap())));
        let running: Vec<_> = std::iter::repeat_with(|| {
            let (end, may_end) = oneshot::channel::<()>();
            let query = readers.run(move |_| Ok(may_end.blocking_recv()));
            assert!(query.now_or_never().is_none());
            end
        })
        .take(READERS_MAX)
        .collect();
        assert_eq!(readers.permits.available_permits(), 0);
        drop(running);
        for _ in 0..2 * READERS_MAX {
            readers.run(|_| Ok(())).await.unwrap();
        }
        assert!(readers.idle.lock().len() <= READERS_MAX);
    }
}
