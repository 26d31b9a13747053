"""Two little models in one store, one trained on English and one on French articles, for the tests of languages."""

import random
import shutil
from pathlib import Path

from tagdesk.models import Article, TopicModel
from tagdesk.models.bundle import load_bundle
from tagdesk.models.storage import make_current
from tagdesk.training import TopicClassifier

ENGLISH, FRENCH = "wire", "fil"

SENTENCES = {
    ENGLISH: {
        "conflict": [
            "The rebels shelled the border town for a third night and the army closed the bridge.",
            "Troops pulled back from the front after the two generals had signed a ceasefire.",
            "A drone struck the barracks, killing four soldiers and wounding many more.",
            "The militia seized the airport while the government called for more weapons.",
            "Both armies accused each other of breaking the truce in the northern valley.",
            "Refugees fled the fighting on foot after missiles hit the village.",
        ],
        "weather": [
            "Heavy rain flooded the streets and the river rose above its banks before dawn.",
            "The storm brought down power lines, and forecasters warned of stronger winds.",
            "A heatwave dried the fields, with temperatures near forty degrees for the week.",
            "Snow blocked the mountain roads, and the weather service kept its warning in place.",
            "Thunder and hail damaged the roofs of the harbour town on Sunday evening.",
            "The hurricane lost strength over land, but forecasters expect more rain.",
        ],
        "economy": [
            "The central bank raised its interest rate as prices rose faster than wages.",
            "Shares fell after the company reported lower profits and cut its forecast for sales.",
            "Unemployment rose in the spring while factories received fewer orders.",
            "The ministry will borrow more money and spend the taxes on new railways.",
            "Exports grew for the second quarter, helped by the weaker currency.",
            "Investors sold bonds when inflation turned out higher than expected.",
        ],
    },
    FRENCH: {
        "conflict": [
            "Les rebelles ont bombardé la ville frontalière et l'armée a fermé le pont pendant la nuit.",
            "Les troupes se sont retirées du front après la signature d'un cessez-le-feu.",
            "Un drone a frappé la caserne, tuant quatre soldats et blessant plusieurs autres.",
            "La milice a pris l'aéroport tandis que le gouvernement réclamait des armes.",
            "Les deux armées s'accusent d'avoir rompu la trêve dans la vallée du nord.",
            "Des réfugiés ont fui les combats à pied après la chute de missiles sur le village.",
        ],
        "weather": [
            "De fortes pluies ont inondé les rues et la rivière est sortie de son lit avant l'aube.",
            "La tempête a coupé l'électricité et les prévisions annoncent des vents plus forts.",
            "La canicule a desséché les champs, avec des températures proches de quarante degrés.",
            "La neige bloque les routes de montagne et la vigilance reste en place.",
            "Le tonnerre et la grêle ont abîmé les toits du port dimanche soir.",
            "L'ouragan a faibli sur les terres, mais la météo attend encore de la pluie.",
        ],
        "culture": [
            "Le musée ouvre une exposition de peintures prêtées par des collectionneurs.",
            "Le film a reçu le grand prix du festival et la réalisatrice a remercié ses acteurs.",
            "L'orchestre jouera la symphonie inachevée devant une salle pleine.",
            "Le roman raconte l'enfance d'une écrivaine dans un quartier populaire.",
            "Le théâtre présente une pièce nouvelle, mise en scène par une jeune troupe.",
            "Les danseurs ont salué longtemps après le ballet, sous les applaudissements.",
        ],
    },
}
"""What the articles of each topic are made from."""

WAR = {"id": "war", "title": "Ceasefire signed", "body": " ".join(SENTENCES[ENGLISH]["conflict"][:3])}
GUERRE = {"id": "guerre", "title": "Cessez-le-feu signé", "body": " ".join(SENTENCES[FRENCH]["conflict"][:3])}
MUSEE = {"id": "musee", "title": "Une exposition", "body": " ".join(SENTENCES[FRENCH]["culture"][:3])}
KRIEG = {
    "id": "krieg",
    "title": "Waffenruhe vereinbart",
    "body": "Die Truppen zogen sich nach der Unterzeichnung einer Waffenruhe von der Front zurück. Eine Drohne hatte "
    "in der Nacht zuvor die Kaserne getroffen und vier Soldaten getötet, wie die Regierung am Montag mitteilte.",
}
"""An article in each language, and one in a language that neither model is for."""


def save_two_models(store: Path) -> dict[str, TopicModel]:
    """Train both models, write them to a store as their current versions, and return them by name."""
    return {name: save_model(store, name, language) for name, language in ((ENGLISH, "en"), (FRENCH, "fr"))}


def save_model(store: Path, name: str, language: str, strength: float = 1.0) -> TopicModel:
    """Train a model of a language, write it to a store as its current version, and return it.

    Args:
        store: the store.
        name: the model's, whose sentences it learns from.
        language: the one that its manifest names.
        strength: `C` of the classifier; another one makes another version.
    """
    order = random.Random(name)
    rows = [
        (Article(body=" ".join(order.sample(sentences, 3))), [topic])
        for topic, sentences in SENTENCES[name].items()
        for _ in range(20)
    ]
    classifier = TopicClassifier(C=strength, folds=2, choose_parts=False)
    articles, topics = zip(*rows, strict=True)
    classifier.fit(list(articles), list(topics), groups=list(range(len(rows))))
    folder = classifier.save(store / "draft", name=name, language=language)
    model = load_bundle(folder)
    (store / name).mkdir(parents=True, exist_ok=True)
    shutil.move(folder, store / name / model.version)
    make_current(store, name, model.version)
    return load_bundle(store / name / model.version)
