//! Names for readers who gave none. Only the server draws them, so the bundle has no word of these.

use super::Language;

/// Returns the name that a number stands for: a colour, a stone or a mood, and an animal. Numbers
/// that differ in their low 11 bits mostly have different names.
pub fn pseudonym(language: Language, number: u64) -> String {
    let (first, second) = (number as usize % FIRST.len(), number as usize / FIRST.len() % SECOND.len());
    let pick = |(english, chinese): (&'static str, &'static str)| match language {
        Language::En => english,
        Language::ZhCn => chinese,
    };
    let between = if language == Language::En { " " } else { "" };
    [pick(FIRST[first]), between, pick(SECOND[second])].concat()
}

const FIRST: [(&str, &str); 40] = [
    ("Amber", "琥珀"),
    ("Autumn", "秋日"),
    ("Azure", "蔚蓝"),
    ("Bright", "明亮"),
    ("Brisk", "轻快"),
    ("Calm", "沉静"),
    ("Cedar", "雪松"),
    ("Clever", "聪慧"),
    ("Copper", "赤铜"),
    ("Coral", "珊瑚"),
    ("Crimson", "绯红"),
    ("Crystal", "水晶"),
    ("Curious", "好奇"),
    ("Dawn", "黎明"),
    ("Emerald", "翡翠"),
    ("Gentle", "温和"),
    ("Golden", "金色"),
    ("Indigo", "靛蓝"),
    ("Ivory", "象牙"),
    ("Jade", "碧玉"),
    ("Jolly", "欢快"),
    ("Keen", "敏锐"),
    ("Lilac", "丁香"),
    ("Lively", "活泼"),
    ("Lucky", "幸运"),
    ("Lunar", "月光"),
    ("Maple", "红枫"),
    ("Mellow", "柔和"),
    ("Misty", "薄雾"),
    ("Nimble", "灵巧"),
    ("Olive", "橄榄"),
    ("Pearl", "珍珠"),
    ("Quiet", "安静"),
    ("Rosy", "玫瑰"),
    ("Silver", "银色"),
    ("Steady", "稳重"),
    ("Summer", "夏日"),
    ("Sunny", "晴朗"),
    ("Swift", "迅捷"),
    ("Willow", "垂柳"),
];

const SECOND: [(&str, &str); 48] = [
    ("Alpaca", "羊驼"),
    ("Beaver", "河狸"),
    ("Bee", "蜜蜂"),
    ("Butterfly", "蝴蝶"),
    ("Camel", "骆驼"),
    ("Cicada", "鸣蝉"),
    ("Crane", "仙鹤"),
    ("Cricket", "蟋蟀"),
    ("Cuckoo", "布谷"),
    ("Dolphin", "海豚"),
    ("Dove", "白鸽"),
    ("Dragonfly", "蜻蜓"),
    ("Eagle", "雄鹰"),
    ("Elk", "驼鹿"),
    ("Falcon", "游隼"),
    ("Firefly", "流萤"),
    ("Fox", "狐狸"),
    ("Gazelle", "羚羊"),
    ("Goose", "大雁"),
    ("Gull", "海鸥"),
    ("Hare", "野兔"),
    ("Hedgehog", "刺猬"),
    ("Heron", "苍鹭"),
    ("Ibis", "朱鹮"),
    ("Kingfisher", "翠鸟"),
    ("Koala", "考拉"),
    ("Koi", "锦鲤"),
    ("Lark", "云雀"),
    ("Leopard", "雪豹"),
    ("Lynx", "猞猁"),
    ("Magpie", "喜鹊"),
    ("Marmot", "旱獭"),
    ("Oriole", "黄鹂"),
    ("Otter", "水獭"),
    ("Panda", "熊猫"),
    ("Parrot", "鹦鹉"),
    ("Peacock", "孔雀"),
    ("Pelican", "鹈鹕"),
    ("Penguin", "企鹅"),
    ("Pony", "小马"),
    ("Puffin", "海鹦"),
    ("Quail", "鹌鹑"),
    ("Salmon", "鲑鱼"),
    ("Seahorse", "海马"),
    ("Sparrow", "麻雀"),
    ("Squirrel", "松鼠"),
    ("Swallow", "燕子"),
    ("Turtle", "海龟"),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use protocol::Author;

    use super::*;

    #[test]
    fn every_number_has_a_valid_name_in_every_language() {
        assert_eq!(pseudonym(Language::En, 22 * 40), "Amber Heron");
        assert_eq!(pseudonym(Language::ZhCn, 22 * 40), "琥珀苍鹭");
        let count = (FIRST.len() * SECOND.len()) as u64;
        for language in Language::ALL {
            let names: HashSet<_> = (0..count).map(|number| pseudonym(language, number)).collect();
            assert_eq!(names.len() as u64, count);
            assert!(names.iter().all(|name| Author::parse(name).is_ok_and(|author| author.as_str() == name)));
            assert!(names.contains(&pseudonym(language, u64::MAX)));
        }
    }
}
