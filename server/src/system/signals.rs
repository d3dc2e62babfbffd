//! Signal settings that the program was started with.

use std::mem::MaybeUninit;
use std::ptr;

/// True if the program was started with SIGHUP ignored, as `nohup` does.
#[allow(unsafe_code)]
pub fn is_hangup_ignored() -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: with a null new action the call only writes the current one to `action`, for which all zeros are valid as well.
    unsafe { libc::sigaction(libc::SIGHUP, ptr::null(), action.as_mut_ptr()) == 0 && action.assume_init().sa_sigaction == libc::SIG_IGN }
}
