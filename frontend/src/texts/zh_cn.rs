//! Simplified Chinese.

use protocol::ErrorCode;

use super::Texts;
use crate::decide::status::Via;

pub(super) static TEXTS: Texts = Texts {
    subtitle: "",
    message: "消息",
    message_hint: "对这里的所有人说……",
    author: "昵称",
    author_hint: "昵称（可选）",
    post: "发布",
    clear: "清空",
    undo: "撤销清空",
    keys: "Enter 发布，Shift+Enter 换行",
    keys_ctrl: "Ctrl/⌘+Enter 发布，Enter 换行",
    messages: "消息列表",
    empty: "这里还没有消息，来说第一句吧。",
    nameless: "匿名",
    older: "更早的消息",
    older_loading: "正在加载……",
    older_failed: "加载失败，点此重试",
    outbox: "正在发送的消息",
    sending: "正在发送……",
    failed: "未能发送。",
    retry: "重试",
    copy: "复制文字",
    discard: "放弃",
    rooms: "房间",
    share: "分享本房间",
    settings: "设置",
    connecting: "正在连接……",
    live: |via| match via {
        Via::WebSocket => "实时 · WebSocket",
        Via::Sse => "实时 · SSE",
        Via::LongPoll => "实时 · 长轮询",
        Via::Poll => "实时 · 轮询",
        Via::OtherTab => "实时 · 经由其他标签页",
    },
    waiting: "连接已断开",
    offline: "网络已断开，您发布的消息将在恢复后送出。",
    stopped: "服务器已结束连接。",
    now: "立即重试",
    no_script: "脚本已关闭，页面不会自动更新；阅读和发布不受影响。",
    reload: "查看新消息",
    here: |count| format!("{count} 人在线"),
    retry_in: |seconds| format!("{seconds} 秒后重试"),
    newest: "最新消息",
    unseen: |count| format!("{count} 条新消息"),
    day: |day| [&day.year.to_string(), "年", &day.month.to_string(), "月", &day.day.to_string(), "日"].concat(),
    unread: "以下为新消息",
    missed: |first, last| {
        if first == last {
            format!("您错过了第 {first} 条消息，它已不再保存。")
        } else {
            format!("您错过了第 {first}–{last} 条消息，它们已不再保存。")
        }
    },
    missed_log: "留言板已重新开始，此前的部分消息可能缺失。",
    bytes_left: |left| if left < 0 { format!("超出 {} 字节", -left) } else { format!("还可输入 {left} 字节") },
    held: |seconds| format!("服务器要求稍候，{seconds} 秒后重试。"),
    copied: "已复制。",
    link_gone: "此链接指向的消息已不在这里。",
    notify_refused: "浏览器不允许本站显示通知。",
    outdated: "留言板已更新。",
    reload_page: "刷新",
    close: "关闭",
    outbox_full: "等待发送的消息过多；内容已保留，请稍后再发布。",
    problem,
};

fn problem(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::TextEmpty => "消息内容为空。",
        ErrorCode::TextTooLong => "消息超过 16 KiB。",
        ErrorCode::TextInvalid => "消息包含空字符（NUL）。",
        ErrorCode::AuthorTooLong => "昵称超过 64 个字符。",
        ErrorCode::AuthorInvalid => "昵称包含控制字符或不可见字符。",
        ErrorCode::KeyInvalid => "发布标识无效。",
        ErrorCode::KeyReused => "发布标识已属于另一条消息。",
        ErrorCode::RoomNameInvalid => "房间名应为 1 到 64 个文字、数字、“_”或“-”。",
        ErrorCode::PositionInvalid => "位置格式无效。",
        ErrorCode::PositionGone => "无法从这个位置继续。",
        ErrorCode::QueryInvalid => "查询参数无效。",
        ErrorCode::NotJson | ErrorCode::ShapeInvalid | ErrorCode::CommandUnknown | ErrorCode::RequestInvalid => "请求格式无效。",
        ErrorCode::NotUtf8 => "内容不是 UTF-8 编码。",
        ErrorCode::BodyUnsupported => "不支持这种内容类型。",
        ErrorCode::BodyTooLong => "内容超过 64 KiB。",
        ErrorCode::RequestTimeout => "请求超时。",
        ErrorCode::OriginRefused => "不接受来自该网站的请求。",
        ErrorCode::HostRefused => "服务器不应答这个主机名。",
        ErrorCode::UriTooLong => "地址过长。",
        ErrorCode::HeadersTooLong => "请求头太长。",
        ErrorCode::NotFound => "此地址没有内容。",
        ErrorCode::MethodNotAllowed => "此地址不接受该方法。",
        ErrorCode::RateLimited => "短时间内消息过多，请稍后再试。",
        ErrorCode::ConnectionsLimited => "来自您的地址的连接过多。",
        ErrorCode::ServerFull => "服务器连接已满。",
        ErrorCode::RoomsFull => "服务器房间已满。",
        ErrorCode::Overloaded => "服务器繁忙，请稍后再试。",
        ErrorCode::Unavailable => "暂时无法读写历史消息。",
    }
}
