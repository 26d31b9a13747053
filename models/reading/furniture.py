"""Site furniture in an article's text, blanked, not cut: what phrases give away, and what is learned.

The phrases, in six languages, are certain and cheap: headings of link lists, share and newsletter lines, credits.
Everything else is judged by its looks, in `tagdesk.models.reading.looks`.
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagdesk.models.kernel import code_points
from tagdesk.models.reading.blocks import BEGINNING, hash_word
from tagdesk.models.reading.characters import REWRITTEN, SIGN
from tagdesk.models.reading.looks import KINDS, NO_ROLES, PHRASE, READING, SUSPICIOUS, LooksModel, shipped
from tagdesk.models.reading.normal_form import text_of, word_table
from tagdesk.models.reading.rewriting import follow_without_markup, may_have_markup, without_markup

# Said at the head of a list of links, or before one link on the same line ("Read also: …").
_INVITATIONS: Final = [
    "read also",
    "also read",
    "read more",
    "read next",
    "read on",
    "see also",
    "related",
    "related article",
    "related articles",
    "related story",
    "related stories",
    "related news",
    "related coverage",
    "related content",
    "more on this story",
    "don't miss",
    "lire aussi",
    "à lire aussi",
    "a lire aussi",
    "lire également",
    "à lire également",
    "voir aussi",
    "à voir aussi",
    "à lire",
    "en savoir plus",
    "lesen sie auch",
    "lesen sie mehr",
    "lesen sie dazu auch",
    "lesen sie hier",
    "lies auch",
    "mehr zum thema",
    "mehr dazu",
    "auch interessant",
    "lea también",
    "lee también",
    "lee además",
    "leer también",
    "leer más",
    "leer mas",
    "lea además",
    "te puede interesar",
    "le puede interesar",
    "también te puede interesar",
    "te recomendamos",
    "vea también",
    "ver también",
    "sigue leyendo",
    "leia também",
    "leia mais",
    "leia ainda",
    "veja também",
    "veja mais",
    "saiba mais",
    "ler também",
    "ler mais",
    "leggi anche",
    "leggi di più",
    "leggi tutto",
    "vedi anche",
    "guarda anche",
    "potrebbe interessarti",
    "ti potrebbe interessare",
    "potrebbe interessarti anche",
    "per approfondire",
    "lees ook",
    "lees meer",
    "lees verder",
    "lees hier meer",
    "bekijk ook",
    "kijk ook",
    "ook interessant",
]

# Furniture only when alone on their line: in front of a colon they are prose often enough.
_HEADINGS: Final = [
    "latest news",
    "latest stories",
    "latest headlines",
    "latest articles",
    "breaking news",
    "top stories",
    "top news",
    "more news",
    "more stories",
    "more from this section",
    "most read",
    "most popular",
    "most viewed",
    "most shared",
    "trending",
    "trending now",
    "recommended",
    "recommended for you",
    "recommended stories",
    "recommended articles",
    "you may also like",
    "you might also like",
    "in case you missed it",
    "editor's picks",
    "editors' picks",
    "sponsored content",
    "popular now",
    "popular stories",
    "sur le même sujet",
    "sur le même thème",
    "articles liés",
    "articles similaires",
    "les plus lus",
    "les plus lues",
    "articles les plus lus",
    "dernières infos",
    "dernières actualités",
    "dernières nouvelles",
    "pour aller plus loin",
    "zum thema",
    "meistgelesen",
    "meistgelesene artikel",
    "ähnliche artikel",
    "verwandte artikel",
    "weitere artikel",
    "weitere nachrichten",
    "weitere meldungen",
    "das könnte sie auch interessieren",
    "das könnte dich auch interessieren",
    "aktuelle nachrichten",
    "neueste nachrichten",
    "weiterlesen",
    "noticias relacionadas",
    "artículos relacionados",
    "más leído",
    "más leídos",
    "más leídas",
    "lo más leído",
    "lo más visto",
    "últimas noticias",
    "más noticias",
    "más información",
    "también te puede gustar",
    "notícias relacionadas",
    "artigos relacionados",
    "mais lidas",
    "mais lidos",
    "as mais lidas",
    "últimas notícias",
    "mais notícias",
    "você pode gostar",
    "pode interessar-lhe",
    "relacionadas",
    "articoli correlati",
    "notizie correlate",
    "i più letti",
    "le più lette",
    "più letti",
    "ultime notizie",
    "ultim'ora",
    "meer over dit onderwerp",
    "gerelateerd",
    "gerelateerde artikelen",
    "meest gelezen",
    "laatste nieuws",
    "net binnen",
    "meer nieuws",
]

# A word of a name or of what stands between names: "Photo: Rebels fire rockets" is about the picture, and prose.
_NAME: Final = (
    r"(?:(?:by|of|for|the|via|and|courtesy|handout|file|de|du|des|von|van|der|di|da|del|dos|la|le|y|e|et|und)\b"
    r"|(?!_)[^\Wa-z]\S*|[^\w\s]\S*)"
)

# Whole lines, by how they start; each tail is matched against the rest of the line.
_WHOLE_LINES: Final = {
    "share|tweet|partager|teilen|compartir|compartilhar|condividi|delen|pin it|print this|email this": (
        r"(?: (?:this|the|on|via|sur|par|auf|en|no|su|op|via|por|la|cet|ce|esta|este|dit|questo))*"
        r"(?: (?:article|story|post|page|news|artikel|bericht|noticia|notícia|articolo|link))?"
        r"(?:[ ,|/·]+(?:on|via|sur|auf|en|no|su|op|this|&|and|et|und|y|e|facebook|twitter|x|whatsapp|linkedin|e-?mail"
        r"|telegram|pinterest|reddit|print|bluesky|threads|tweet|share))*"
    ),
    "facebook|twitter|whatsapp|linkedin": (
        r"(?:[ ,|/·]+(?:facebook|twitter|x|whatsapp|linkedin|e-?mail|telegram|pinterest|reddit|print|instagram"
        r"|youtube|copy link))+"
    ),
    "sign up for|sign up to|subscribe to|get our|abonnez-vous|inscrivez-vous|abonnieren sie|melden sie sich|suscríbete"
    "|suscríbase|assine|inscreva-se|iscriviti|abbonati|schrijf je in|meld je aan|abonneer je": (
        r"\b.{0,80}\b(?:newsletters?|nieuwsbrief|boletín|boletim|podcast|lettre d'information|e-?mails?"
        r"|(?:our|notre|nuestro|nosso|nostro|ons|unseren) (?:\w+ )?(?:channel|chaîne|canal|canale|kanaal|kanal))\b"
        r".{0,60}"
    ),
    "photo|photos|image|images|picture|foto|fotos|crédit|crédits|credit|credits|bild|imagen|imagem|immagine": (
        r"(?: (?:credits?|by|courtesy|courtesy of|photo|via|di|de))?(?: ?[:©/]|: ?©) ?"
        rf"(?-i:{_NAME}(?:\s{{1,3}}{_NAME}){{0,9}})"
    ),
    "copyright|©": r"\W{0,3}(?:©|\(c\))?\W{0,3}(?:19|20)\d\d.{0,90}",
    "all rights reserved|tous droits réservés|alle rechte vorbehalten|todos los derechos reservados"
    "|todos os direitos reservados|tutti i diritti riservati|alle rechten voorbehouden": r".{0,60}",
    "we use cookies|this site uses cookies|this website uses cookies|accept cookies|accept all cookies"
    "|nous utilisons des cookies|ce site utilise des cookies|wir verwenden cookies|utilizamos cookies"
    "|wij gebruiken cookies|utilizziamo i cookie|questo sito utilizza": r"\b.{0,160}",
}

_SPACE: Final = 32
_MOST_TIMES: Final = 2  # a text that is so many times as long without its markup is none that people read
_PIECE: Final = 20_000  # characters looked through at once: while it looks, the engine lets nobody else run
_LONGEST_LINE: Final = 220  # no furniture line is longer, which also bounds what any pattern below can cost
_LONGEST_HEADLINE: Final = 120
_MOST_HEADLINES: Final = 12
_BULLETS: Final = "-–—•*·▪►●○‣>»+"
_EDGES: Final = _BULLETS + " \t\r\xa0#_|:…([])<«→"
_CLOCK: Final = r"(?:\w{3,10}+\.?,? )?\d{1,2} ?[:hH] ?\d\d\b"


def _pattern(phrase: str) -> str:
    return re.escape(phrase).replace("'", "['’]")


def _any_of(phrases: Iterable[str], letters: int = 3) -> str:
    """Return a pattern for phrases in any case, grouped by first letters so that a miss costs a look or two."""
    if not letters:
        return f"(?i:{'|'.join(map(_pattern, phrases))})"
    groups: dict[str, list[str]] = {}
    for phrase in sorted(phrases, reverse=True):
        groups.setdefault(phrase[:1], []).append(phrase[1:])
    return "|".join(
        f"[{re.escape(first + first.upper())}](?:{_any_of(rests, letters - 1)})" if first else ""
        for first, rests in groups.items()
    )


_ALONE: Final = frozenset(_INVITATIONS) | frozenset(_HEADINGS)
_WHOLE_STARTS: Final = "|".join(_WHOLE_LINES).split("|")
# The line break in front is a literal that the engine looks for fast; the first line gets one lent. What may follow it
# is taken whole and looked at once: a million line breaks or spaces would cost a third of a second otherwise.
_GATE: Final = re.compile(rf"\n[{re.escape(_EDGES)}]*+(?=[\w©])(?:{_any_of([*_ALONE, *_WHOLE_STARTS])})")
_INLINE: Final = re.compile(rf"(?:{_any_of(_INVITATIONS)})\s{{0,2}}(?:[:|>»→]|[-–—] )\s*\S.*")
_WHOLE_LINE: Final = re.compile(
    "|".join(f"(?:{_any_of(starts.split('|'))}){tail}" for starts, tail in _WHOLE_LINES.items()),
    re.IGNORECASE,
)
_TIMED: Final = re.compile(rf"[{re.escape(_BULLETS)}]\s{{0,3}}{_CLOCK}|{_CLOCK}\s{{0,3}}[|–—]")
_WITHIN_LINE: Final = re.compile(r"[^\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+")


class Cleaned(NamedTuple):
    """A text without its furniture.

    Attributes:
        text: of the same length, with the same line breaks; furniture is spaces.
        no_article: a notice stands in place of an article: a consent wall, an error page, a stub for subscribers.
        kinds: the kinds of code points in title and text, `tagdesk.models.reading.characters.seen`, furniture included;
            0 where the signs mean nothing.
        codes: the code points of title and text, uint32; None where the text had furniture.
    """

    text: str
    no_article: bool
    kinds: int
    codes: NDArray[np.uint32] | None


def clean(
    text: str,
    title: str = "",
    roles: NDArray[np.uint8] = NO_ROLES,
    *,
    page: bool = False,
    looks: LooksModel | None = None,
) -> Cleaned:
    """Replace site furniture in a text by spaces, so that offsets stay valid.

    Args:
        text: plain, paragraphs by lines.
        title: the article's, which shows what belongs to it.
        roles: what each code point stands in, `tagdesk.models.reading.visible.Visible.roles`; empty where that is not
            known.
        page: the text is a whole page, in which the article is to be found.
        looks: what furniture looks like; None for the shipped weights.
    """
    looks = looks or shipped()
    codes = code_points(title + text)
    signs = looks.survey(codes, len(title), roles, _beginnings())
    kinds, plain, sent_title = signs & KINDS, text, title
    has_markup = bool(kinds & SIGN) and may_have_markup(text)
    if kinds & REWRITTEN or has_markup:
        # Another form of the same text must not be judged otherwise.
        plain, title = without_markup(text), without_markup(title)
        plain = plain if len(plain) <= _MOST_TIMES * len(text) else text
        if plain != text:
            signs = looks.survey(code_points(title + plain), len(title), NO_ROLES, _beginnings())
            signs |= SUSPICIOUS if len(roles) else 0
    if page or signs & SUSPICIOUS or (signs & PHRASE and blank_phrases(plain) != plain):
        cleaned, no_article = _judged(text, plain, title, roles, page, looks)
        return Cleaned(cleaned, no_article, kinds, None)
    if kinds == SIGN and not has_markup and not may_have_markup(sent_title):
        kinds = 0
    return Cleaned(text, False, kinds, codes)


@cache
def _beginnings() -> NDArray[np.uint64]:
    """Return what lines that `_GATE` finds begin with, as `blocks.any_line_begins` wants it."""
    words = word_table(READING)
    beginnings = [hash_word(code_points(phrase[:BEGINNING]), words) for phrase in (*_ALONE, *_WHOLE_STARTS)]
    return np.unique(np.array(beginnings, np.uint64))


def _judged(
    text: str, plain: str, title: str, roles: NDArray[np.uint8], page: bool, looks: LooksModel
) -> tuple[str, bool]:
    """Return a text without its furniture, and whether a notice stands in place of the article.

    Args:
        text: the text.
        plain: the same without markup, which is judged.
        title: see `clean`, without markup.
        roles: see `clean`.
        page: see `clean`.
        looks: see `clean`.
    """
    if plain != text:
        _, (starts, ends) = follow_without_markup(text)
        roles = roles[starts] if len(roles) else roles
    cleaned = blank_phrases(plain)
    furniture, no_article = looks.judge(cleaned, title, roles, page=page)
    parts: list[str] = []
    at = 0
    for start, end in furniture.tolist():
        parts += cleaned[at:start], _blank(cleaned[start:end])
        at = end
    cleaned = "".join([*parts, cleaned[at:]])
    if plain == text:
        return cleaned, no_article
    blanked, room = code_points(plain) != code_points(cleaned), len(text) + 1
    begun, ended = (np.cumsum(np.bincount(places[blanked], minlength=room))[:-1] for places in (starts, ends))
    return text_of(np.where(begun > ended, np.uint32(_SPACE), code_points(text))), no_article


def _blank(text: str) -> str:
    """Return as many spaces, with the same line breaks."""
    return _WITHIN_LINE.sub(lambda run: " " * len(run[0]), text)


def blank_phrases(text: str) -> str:
    """Return `text` with the furniture that phrases give away replaced by spaces.

    Whole lines are judged: headings of link lists with the headlines under them, one-line links ("Read also: …"),
    share, newsletter, credit and cookie lines. A bulleted list, a timeline, a live blog and any line that ends as a
    sentence does are prose.
    """
    if not _may_have_furniture("\n" + text):
        return text
    lines = text.split("\n")
    return "\n".join(_blank(line) if blank else line for line, blank in zip(lines, _link_lists(lines), strict=True))


def _may_have_furniture(text: str) -> bool:
    """Tell whether some line begins as furniture does; each line is looked at from the line break in front of it."""
    start = 0
    while start >= 0:
        end = text.find("\n", start + _PIECE)
        if _GATE.search(text, start, len(text) if end < 0 else end):
            return True
        start = end
    return False


def _link_lists(lines: list[str]) -> list[bool]:
    """Return which lines are furniture by themselves, or are headlines under a heading that is."""
    furniture = [False] * len(lines)
    headlines = _MOST_HEADLINES  # plain headlines in the list so far; at the most there is no list (any more)
    for i, line in enumerate(lines):
        core = line.strip(_EDGES)
        if not core:
            continue
        if _is_heading(core):
            furniture[i], headlines = True, 0
        elif len(line) <= _LONGEST_LINE and (_INLINE.match(core) or _WHOLE_LINE.fullmatch(core)):
            furniture[i] = True
        elif headlines < _MOST_HEADLINES and _is_link(line.strip()):
            furniture[i] = True
            headlines += line.lstrip()[0] not in _BULLETS
        else:
            headlines = _MOST_HEADLINES
    return furniture


def _is_heading(core: str) -> bool:
    return len(core) < 50 and core.casefold().replace("’", "'") in _ALONE


def _is_link(line: str) -> bool:
    """Tell whether a line under a heading is a headline: short, and it does not end as a sentence does."""
    last = line.rstrip("\"'”’»)]")[-1:]
    if not last or last in ".!…:;,。" or len(line) > _LONGEST_LINE:
        return False
    if line[0] in _BULLETS or _TIMED.match(line):
        return True
    return len(line) <= _LONGEST_HEADLINE and last not in "?؟" and not line[0].islower()
