"""Articles in scripts without spaces are learned, as in any other."""

import random

import pytest

from tagdesk.models import Article
from tagdesk.training.classifier import TopicClassifier

# Words of sport, health and weather; clauses are made of them without a space.
WORDS = {
    "Chinese": (
        ["足球", "比赛", "球员", "教练", "冠军"],
        ["医院", "病人", "疫苗", "医生", "手术"],
        ["暴雨", "台风", "气温", "洪水", "干旱"],
    ),
    "Japanese": (
        ["サッカー", "試合", "選手", "監督", "優勝"],
        ["病院", "患者", "ワクチン", "医師", "手術"],
        ["大雨", "台風", "気温", "洪水", "干ばつ"],
    ),
    "Thai": (
        ["ฟุตบอล", "แข่งขัน", "นักเตะ", "โค้ช", "แชมป์"],
        ["โรงพยาบาล", "ผู้ป่วย", "วัคซีน", "แพทย์", "ผ่าตัด"],
        ["ฝนตกหนัก", "พายุ", "อุณหภูมิ", "น้ำท่วม", "ภัยแล้ง"],
    ),
    "Khmer": (["បាល់ទាត់", "ការប្រកួត", "កីឡាករ"], ["មន្ទីរពេទ្យ", "អ្នកជំងឺ", "វ៉ាក់សាំង"], ["ភ្លៀង", "ព្យុះ", "ទឹកជំនន់"]),
    "Burmese": (["ဘောလုံး", "ပြိုင်ပွဲ", "ကစားသမား"], ["ဆေးရုံ", "လူနာ", "ကာကွယ်ဆေး"], ["မိုးသည်း", "မုန်တိုင်း", "ရေကြီး"]),
}
COMMON = {"Chinese": "的在了是和", "Japanese": "のはがをに", "Thai": "ที่และใน", "Khmer": "និងនៅ", "Burmese": "သည်နှင့်"}


@pytest.mark.parametrize("script", WORDS)
def test_topics_of_clauses_without_spaces_are_learned(script: str) -> None:
    chance = random.Random(0)

    def article(topic: int) -> Article:
        clauses = (
            "".join(chance.choice([*WORDS[script][topic], *COMMON[script]]) for _ in range(12)) for _ in range(4)
        )
        return Article(body="。".join(clauses))

    topics = [place % 3 for place in range(90)]
    classifier = TopicClassifier(min_df=2).fit([article(topic) for topic in topics], [[str(topic)] for topic in topics])
    assert classifier.score([article(topic) for topic in topics], [[str(topic)] for topic in topics]) > 0.98
