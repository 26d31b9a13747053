"""English function words: the list that `function_words` leaves out of the features, and nobody else uses.

The list is our own: the closed classes of English, as any grammar lists them, in the form that the tokenizer leaves
(lower case, two letters or more, a contraction in parts). Where a form is as often another word it is not in it: `us`
and `who` are the United States and the World Health Organization, `won`, `don` and `haven` are not only parts of
"won't", "don't" and "haven't". Numerals and adverbs of manner or time are not in it either.
"""

from collections.abc import Sequence

_DETERMINERS = """\
the an this that these those another any both each either every neither no none some such other others same own all
few fewer less many more most much several enough what which whatever whichever whose"""

_PRONOUNS = """\
he she it we you they me him her them my your his its our their mine yours hers ours theirs myself yourself himself
herself itself ourselves yourselves themselves whom someone somebody something anyone anybody anything everyone
everybody everything nobody nothing"""

_PREPOSITIONS = """\
about above across after against along amid among amongst around as at before behind below beneath beside besides
between beyond by despite down during except for from in inside into like near of off on onto out outside over per since
than through throughout till to toward towards under until unlike up upon via with within without"""

_CONJUNCTIONS = """\
and but or nor so yet if unless although though because while whereas whether when whenever where wherever once lest"""

_AUXILIARIES = """\
am is are was were be been being do does did doing have has had having can cannot could may might must shall should will
would ought ll re ve ain aren couldn didn doesn hadn hasn isn mustn needn shan shouldn wasn weren wouldn"""

_PARTICLES = """\
also even here how just not only then there thus too very why"""

FUNCTION_WORDS = frozenset(
    " ".join((_DETERMINERS, _PRONOUNS, _PREPOSITIONS, _CONJUNCTIONS, _AUXILIARIES, _PARTICLES)).split()
)


def single_function_word(words: Sequence[str]) -> bool:
    """Say whether these words are one function word."""
    return len(words) == 1 and words[0] in FUNCTION_WORDS


def all_function_words(words: Sequence[str]) -> bool:
    """Say whether all these words are function words."""
    return FUNCTION_WORDS.issuperset(words)


def any_function_word(words: Sequence[str]) -> bool:
    """Say whether one of these words is a function word."""
    return not FUNCTION_WORDS.isdisjoint(words)
