//! A message on its way.

use client::{Pending, Stage};
use leptos::prelude::*;
use protocol::{ErrorCode, PublishKey};

use super::message::{body, byline};
use crate::board::{Board, Command};

/// A message on its way: being sent, or refused and waiting for its author's decision.
#[component]
pub fn PendingMessage(
    /// The message.
    pending: Pending,
) -> impl IntoView {
    let board = Board::of_page();
    let failure = match pending.stage {
        Stage::Failed { code, .. } => Some(code),
        Stage::Sending => None,
    };
    let stage = if failure.is_some() { "failed" } else { "sending" };
    let said = match failure {
        Some(code) => [board.texts.failed, " ", (board.texts.problem)(code)].concat(),
        None => board.texts.sending.to_owned(),
    };
    let key = pending.message.key;
    let (retry, discard) = (key.clone(), key.clone());
    view! {
        <li class="message pending" data-stage=stage data-key=key.map(String::from)>
            {byline(pending.message.author.as_str())}
            <span class="stage">{said}</span>
            {body(pending.message.text.into())}
            <span class="actions" hidden=failure.is_none()>
                // A key that belongs to another message would be refused each time.
                <button
                    type="button" class="retry" hidden=failure == Some(ErrorCode::KeyReused)
                    on:click=move |_| ask(board, Command::Retry, retry.as_ref())
                >
                    {board.texts.retry}
                </button>
                <button type="button" class="discard" on:click=move |_| ask(board, Command::Discard, discard.as_ref())>
                    {board.texts.discard}
                </button>
            </span>
        </li>
    }
}

fn ask(board: Board, command: fn(PublishKey) -> Command, key: Option<&PublishKey>) {
    if let Some(key) = key {
        board.ask(command(key.clone()));
    }
}
