//! Sends through io_uring. All `unsafe` code is here.

#![allow(unsafe_code, reason = "the kernel reads the bytes through raw pointers")]

use std::cell::RefCell;
use std::io::{self, ErrorKind};

use io_uring::types::Fd;
use io_uring::{IoUring, opcode};

use crate::{BATCH_MAX, SendRequest, SendResult, result_of_error};

/// For fewer requests, a system call each is cheaper.
const REQUESTS_MIN: usize = 3;

thread_local! {
    /// This thread's ring. `None` if the kernel has no io_uring or forbids it.
    pub(crate) static RING: RefCell<Option<IoUring>> =
        RefCell::new(IoUring::builder().setup_single_issuer().setup_coop_taskrun().build(BATCH_MAX as u32).ok());
}

/// Returns the result of each request, in order; `None` if the request was not tried.
pub(crate) fn send<'a>(requests: impl Iterator<Item = SendRequest<'a>> + Clone) -> [Option<SendResult>; BATCH_MAX] {
    let mut results = [None; BATCH_MAX];
    if requests.clone().nth(REQUESTS_MIN - 1).is_some()
        && let Some(mut ring) = RING.take()
        && submit(&mut ring, requests, &mut results).is_ok()
    {
        // After an error or a panic the ring may still hold entries, so it is dropped.
        RING.set(Some(ring));
    }
    results
}

/// Submits all requests and waits for their results. After an error, requests without a result were
/// not sent and never will be.
fn submit<'a>(
    ring: &mut IoUring,
    requests: impl Iterator<Item = SendRequest<'a>>,
    results: &mut [Option<SendResult>; BATCH_MAX],
) -> io::Result<()> {
    let mut queue = ring.submission();
    for (index, SendRequest { socket, bytes }) in requests.enumerate() {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let entry = opcode::Send::new(Fd(socket.descriptor), bytes.as_ptr(), length)
            // A full socket fails at once instead of waiting.
            .flags(libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
            .build()
            .user_data(index as u64);
        // SAFETY: the kernel may use the pointer and the descriptor from here until the entry's
        // completion.
        // - Both stay valid for `'a`, which outlives this function: `bytes` is borrowed, and so is
        //   `socket`, whose stream keeps the descriptor open.
        // - The function returns `Ok` only when every entry has completed. It returns an error only
        //   when the entries that have not completed are still in the queue, and unwinds only
        //   before the first submission. In both cases the caller drops the ring without another
        //   submission, so the kernel never sees those entries.
        unsafe { queue.push(&entry) }.map_err(io::Error::other)?;
    }
    let count = queue.len();
    drop(queue);
    let mut completed = 0;
    while completed < count {
        let entered = ring.submit_and_wait(count - completed);
        for completion in ring.completion() {
            results[completion.user_data() as usize] = Some(match completion.result() {
                taken @ 0.. => Ok(taken as usize),
                error => result_of_error(io::Error::from_raw_os_error(-error).kind()),
            });
            completed += 1;
        }
        if let Err(error) = entered
            && error.kind() != ErrorKind::Interrupted
            && completed + ring.submission().len() == count
        {
            return if completed == count { Ok(()) } else { Err(error) };
        }
    }
    Ok(())
}
