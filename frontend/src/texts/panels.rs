//! The texts that only the server renders: the panels, and the page for refused requests. The
//! bundle does not have them.

use super::Language;

/// The texts of the panels in one language.
#[derive(Debug)]
pub struct PanelTexts {
    /// The link to the message field, for the keyboard.
    pub skip: &'static str,
    /// The heading of the rooms.
    pub rooms: &'static str,
    /// The heading of this room's name.
    pub current: &'static str,
    /// The label of the field for a room's name.
    pub room_name: &'static str,
    /// The rule for a room's name.
    pub room_hint: &'static str,
    /// The button that opens the room.
    pub open: &'static str,
    /// The heading of the rooms that the reader visited.
    pub recent: &'static str,
    /// The heading of the link to this room.
    pub share: &'static str,
    /// The button that copies the link.
    pub copy_link: &'static str,
    /// The description of the QR code.
    pub qr: &'static str,
    /// The link to the room's wall.
    pub wall: &'static str,
    /// The button that shows the reader's screen to the room.
    pub present: &'static str,
    /// The name of a cast, by the name of its presenter. `cast/texts.js` has the same.
    pub screen: fn(&str) -> String,
    /// The button that shows the QR code in the whole window.
    pub hall: &'static str,
    /// The warning that other machines can't open the link, before and after a setting.
    pub loopback: [&'static str; 2],
    /// The link that downloads the newest messages.
    pub export: &'static str,
    /// The heading of the settings.
    pub settings: &'static str,
    /// The label of the languages.
    pub language: &'static str,
    /// The label of the colour schemes.
    pub scheme: &'static str,
    /// The colour schemes: light, dark, the system's.
    pub schemes: [&'static str; 3],
    /// The labels of the settings, in the order of `Settings::WORDS`.
    pub switches: [&'static str; 4],
    /// The link to the shortcuts.
    pub shortcuts: &'static str,
    /// The shortcuts: a key, and what it does.
    pub keys: [(&'static str, &'static str); 8],
    /// The label of what can be done with a message.
    pub row_menu: &'static str,
    /// The entry that answers a message.
    pub reply: &'static str,
    /// The entry that edits it.
    pub edit: &'static str,
    /// The entry that deletes it.
    pub erase: &'static str,
    /// The question before that.
    pub erase_question: &'static str,
    /// The button that does not do it.
    pub cancel: &'static str,
    /// The entry that pins it for all.
    pub pin: &'static str,
    /// The entry that unpins it.
    pub unpin: &'static str,
    /// The entry that bans its author.
    pub ban: &'static str,
    /// The label of the emoji, and the button that chooses one.
    pub react: &'static str,
    /// The label of the field for another emoji.
    pub other_emoji: &'static str,
    /// What stands in a quote of a message that is gone.
    pub message_gone: &'static str,
    /// The label of the pinned messages.
    pub pinned: &'static str,
    /// What the composer says while it edits a message.
    pub editing: &'static str,
    /// The same while it answers one, before its author.
    pub answering: &'static str,
    /// The link to the page that takes an access key.
    pub enter_key: &'static str,
    /// The entry that copies the link to a message.
    pub copy_message_link: &'static str,
    /// The entry that copies its text.
    pub copy_message_text: &'static str,
    /// The button that closes a panel.
    pub close: &'static str,
    /// The link to the lobby on the page for refused requests.
    pub lobby: &'static str,
}

impl PanelTexts {
    /// The texts of a language.
    pub fn of(language: Language) -> &'static Self {
        match language {
            Language::En => &EN,
            Language::ZhCn => &ZH_CN,
        }
    }
}

static EN: PanelTexts = PanelTexts {
    skip: "To the message field",
    rooms: "Rooms",
    current: "You are in",
    room_name: "Open another room",
    room_hint: "1 to 64 letters of any script, digits, “_” or “-”; spaces become “-”. A room that nobody has written in is empty.",
    open: "Open",
    recent: "Visited lately",
    share: "Share this room",
    copy_link: "Copy link",
    qr: "QR code of the link to this room",
    wall: "Wall view, for a big screen or a stream",
    present: "Show my screen…",
    screen: |author| if author.is_empty() { "A screen".to_owned() } else { format!("{author}’s screen") },
    hall: "Show the QR code in the whole window",
    loopback: [
        "Only this machine can open this link. To invite others, start the server with ",
        " and open the page by this machine’s address.",
    ],
    export: "Download the newest messages (JSON)",
    settings: "Settings",
    language: "Language",
    scheme: "Colours",
    schemes: ["Light", "Dark", "System"],
    switches: [
        "Ctrl/⌘+Enter posts, Enter breaks the line",
        "Notify me while this page is hidden",
        "Play a sound while this page is hidden",
        "Show messages as plain text, without **bold** or `code`",
    ],
    shortcuts: "Keyboard shortcuts",
    keys: [
        ("/", "Write a message"),
        ("Enter", "Post it"),
        ("Esc", "Leave the field, close a panel"),
        ("F6", "To the next part of the page; with Shift back"),
        ("↑ ↓", "Move between messages, once the list has the focus"),
        ("Enter", "In the list: what can be done with a message"),
        ("End", "To the newest message"),
        ("?", "Show these shortcuts"),
    ],
    row_menu: "Message actions",
    reply: "Reply",
    edit: "Edit",
    erase: "Delete",
    erase_question: "Delete this message for everyone? This can’t be undone.",
    cancel: "Cancel",
    pin: "Pin",
    unpin: "Unpin",
    ban: "Ban the author…",
    react: "React",
    other_emoji: "Another emoji, then Enter",
    message_gone: "This message is no longer kept.",
    pinned: "Pinned messages",
    editing: "Editing your message",
    answering: "Replying to",
    enter_key: "Enter a key",
    copy_message_link: "Copy link",
    copy_message_text: "Copy text",
    close: "Close",
    lobby: "To the lobby",
};

static ZH_CN: PanelTexts = PanelTexts {
    skip: "跳到输入框",
    rooms: "房间",
    current: "当前房间",
    room_name: "进入其他房间",
    room_hint: "1 到 64 个文字、数字、“_”或“-”，空格会变成“-”。还没有人发言的房间是空的。",
    open: "进入",
    recent: "最近去过",
    share: "分享本房间",
    copy_link: "复制链接",
    qr: "本房间链接的二维码",
    wall: "大屏视图（投影或直播）",
    present: "直播我的屏幕……",
    screen: |author| if author.is_empty() { "屏幕直播".to_owned() } else { format!("{author} 的屏幕") },
    hall: "全屏显示二维码",
    loopback: ["此链接只能在本机打开。要邀请别人，请用 ", " 启动服务器，再用本机的网络地址打开页面。"],
    export: "下载最新消息（JSON）",
    settings: "设置",
    language: "语言",
    scheme: "配色",
    schemes: ["浅色", "深色", "跟随系统"],
    switches: [
        "用 Ctrl/⌘+Enter 发布，Enter 换行",
        "页面不可见时显示通知",
        "页面不可见时播放提示音",
        "按纯文本显示消息，不处理 **粗体** 和 `代码`",
    ],
    shortcuts: "键盘快捷键",
    keys: [
        ("/", "写消息"),
        ("Enter", "发布"),
        ("Esc", "离开输入框，关闭面板"),
        ("F6", "到页面的下一部分；加 Shift 返回"),
        ("↑ ↓", "在消息列表中逐条移动"),
        ("Enter", "在消息列表中：打开消息菜单"),
        ("End", "跳到最新消息"),
        ("?", "显示快捷键"),
    ],
    row_menu: "消息操作",
    reply: "回复",
    edit: "编辑",
    erase: "删除",
    erase_question: "为所有人删除这条消息？此操作无法撤销。",
    cancel: "取消",
    pin: "置顶",
    unpin: "取消置顶",
    ban: "封禁作者……",
    react: "表情回应",
    other_emoji: "其他表情，按 Enter 发送",
    message_gone: "这条消息已不再保存。",
    pinned: "置顶消息",
    editing: "正在编辑您的消息",
    answering: "回复",
    enter_key: "输入密钥",
    copy_message_link: "复制链接",
    copy_message_text: "复制文字",
    close: "关闭",
    lobby: "去大厅",
};
