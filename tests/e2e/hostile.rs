//! Hostile text.

use crate::world::{Board, Browser};
use crate::{act, check, find};

const HOSTILE: &[&str] = &[
    "<script>document.title = 'owned'</script>",
    "</textarea><script>document.title = 'owned'</script>",
    "</script><script>document.title = 'owned'</script>",
    "<img src=x onerror=\"document.title = 'owned'\">",
    "\u{202e}gnp.exe",
    "<!-- <script>",
    "line one\u{2028}line two",
];

#[tokio::test]
#[ignore = "needs a browser"]
async fn server_and_page_show_hostile_text_as_text() {
    let board = Board::start().await;
    let marks = format!("z{}", "\u{301}".repeat(8_000));
    let hostile: Vec<&str> = HOSTILE.iter().copied().chain([marks.as_str()]).collect();
    for text in &hostile {
        board.post_as("lobby", text, "<b>x</b>").await;
    }
    let browser = Browser::start().await;
    // Each text once in the server's HTML, and once live.
    act::open(&browser, &board, "/").await;
    check::shows(&browser, &hostile).await;
    for text in &hostile {
        board.post_as("lobby", text, "<b>x</b>").await;
    }
    check::shows(&browser, &hostile.repeat(2)).await;
    let elements = "return document.querySelectorAll('#messages script, #messages img, #messages b, #messages textarea').length";
    let count: u64 = browser.page.execute(elements, vec![]).await.unwrap().convert().unwrap();
    assert_eq!(count, 0);
    assert_ne!(browser.page.title().await.unwrap(), "owned");
    check::console_is_empty(&browser).await;
    // Stacked marks stay within their message.
    let overflow = "const list = document.getElementById('messages'); \
        return [...list.querySelectorAll('.text')].every(e => e.scrollWidth <= list.clientWidth + 1)";
    let fits: bool = browser.page.execute(overflow, vec![]).await.unwrap().convert().unwrap();
    assert!(fits);
    assert_eq!(find::messages(&browser).await.len(), hostile.len() * 2);
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn a_message_of_thousands_of_lines_fits_on_a_screen() {
    let board = Board::start().await;
    board.post("lobby", &format!("a{}b", "\n".repeat(16_000))).await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/").await;
    board.post("lobby", "short").await;
    check::shows(&browser, &[&format!("a{}b", "\n".repeat(16_000)), "short"]).await;
    let measure = "const [long, short] = document.querySelectorAll('#messages .text'); \
        return [long.offsetHeight, long.scrollHeight, short.scrollHeight - short.clientHeight]";
    let [height, whole, overflow]: [f64; 3] = browser.page.execute(measure, vec![]).await.unwrap().convert().unwrap();
    assert!(height < 400.0 && whole > 100_000.0, "{height} px high, of {whole}");
    assert_eq!(overflow, 0.0, "a short message is cut");
    check::console_is_empty(&browser).await;
    browser.quit().await;
}
