"""What a stamp shows, in a word or two: its label, its head noun, its category and the question that fits.

A caption is taken when it is one noun phrase of at most three words; the tables below hold what people had to decide:
captions that say more or less than the picture shows, names that mean the same to most people, what is left out.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from foveate.evals.datasets.stamps import Stamp

__all__ = ["QUESTIONS", "Named", "alike", "family", "foreign", "named", "singular"]

QUESTIONS = {
    "animal": "Which animal does this picture show?",
    "building": "Which building or monument does this picture show?",
    "food": "Which food does this picture show?",
    "object": "Which object does this picture show?",
    "plant": "Which plant does this picture show?",
    "space": "Which body of the solar system does this picture show?",
    "vehicle": "Which vehicle does this picture show?",
}
"""Category -> how it is asked."""

# A plant may be a food, and what is made is an object; plants stand in pictures of animals and buildings.
_NEAR = tuple(
    frozenset(pair)
    for pair in (
        *(("object", other) for other in ("food", "vehicle", "building")),
        *(("plant", other) for other in ("food", "animal", "building")),
    )
)
_EATEN = frozenset("lobster shrimp mussel abalone trout groper turkey chicken".split())
"""Animals that are shown as food too."""

_FOLDERS = {
    "animals": "animal", "clothes": "object", "food": "food", "hobbies": "object", "household": "object",
    "medical": "object", "plants": "plant", "sports": "object", "space": "space", "town": "building",
    "town/roadsigns/traffic_cone": "object", "town/uk_post_box": "object", "town/usps_mailbox": "object",
    "town/roadsigns": "", "town/flags": "", "vehicles": "vehicle", "seasonal": "object",
    "seasonal/easter": "animal", "seasonal/easter/daffodil": "plant", "seasonal/halloween/bat": "animal",
    "seasonal/halloween/blackcat": "animal", "seasonal/halloween/spider": "animal",
    "seasonal/christmas/Candy": "food", "seasonal/christmas/candy": "food", "seasonal/christmas/Mince": "food",
    "seasonal/christmas/Christmas_pudding": "food", "symbols/clockface": "object",
}  # fmt: skip
"""Start of a key -> category; the longest start counts, and what is empty or has none is left out."""

# Toys, several things at once, parts, what the picture alone does not tell.
_LEFT_OUT = frozenset(
    "pengwin tux penguin_with_spider spider_fly spider_computer spider_football wings xanthia teddy_bear edward_bear "
    "rubberduck "
    "cementmixer cylinder tooth button garlic garlics apple_core lemon_slice gnu-baby gnu-baby-stand drumkit "
    "lettuce_bolted cep cep-1 cep-2 rambutan chuvanna_plastic_poo tree336 pinecone thyme appooppanthady knight_helmet "
    "German_Christmas_toy Roast_turkey hard_candy Santa lamp star santahat xmas_tp_bulb confetti ghost skull "
    "bunny-egg chick-hatched wrapped_chocolate_easter_egg wrapped_chocolate_easter_egg_2 final-roll-call "
    "apollo_lander spacewalk voyager2 football_helmet_front football_helmet_side rugby_goal_posts docks hunter "
    "city blacksmith cave_entrance circus fishery mine ruins shipwreck farm university townhall warehouse graveyard "
    "magic_stones sword_in_the_stone tower_flag_red tower_round_flag inukshuk-outline 7spoke256 sedan_police "
    "trainSign plane wheel_tractor tux_tractor bathyscape walnutBoat tanker tender boxcar carriage dumper "
    "dreydl-gimmel dreydl-hay dreydl-nun dreydl-shin stables inn tavern fountain gate flower4 flower7 bolsom adeenia "
    "pigface old_naval_shell dolphinfish seahorse pasta_pot bow xmaswreath glass jackolantern_mean grave-c grave-e "
    "grave-f grave-g".split()
)
_LEFT_OUT_KEYS = frozenset({"plants/eggplant.png"})
_LABELS = {
    "bluegroper": "blue groper", "lobster": "spiny lobster", "hoverfly": "hoverfly",
    "apple_fuji": "fuji apple", "apple_granny_smith": "granny smith apple", "apple_sierra_beauty": "apple",
    "orange_seville": "seville orange", "walnut_shelled": "walnut", "pattypan_squash": "pattypan squash",
    "tomato": "tomato", "broccoli": "broccoli", "corn": "corn", "ginger": "ginger root", "avocado": "avocado",
    "cherimoya": "cherimoya", "kiwi": "kiwifruit", "toilet": "toilet", "wheelie_bin": "wheelie bin",
    "stethoscope": "stethoscope", "anemone_red": "anemone", "flower9": "flower", "flower10": "hibiscus",
    "lavender": "lavender", "holly_leaves": "holly", "birch": "birch", "liberia-palm": "palm tree",
    "whitestar-petunia": "petunia", "red-gazania": "gazania", "Candy_cane_photo_1": "candy cane",
    "Candy_cane_photo_2": "candy cane", "Christmas_pudding": "christmas pudding", "Mince_Pie": "mince pie",
    "chick-in-egg": "chick", "menorah": "menorah", "moon_crescent": "moon", "moon_full": "moon",
    "1_mercury": "mercury", "2_venus": "venus", "3_earth": "earth", "4_mars": "mars", "5_jupiter": "jupiter",
    "6_saturn": "saturn", "7_uranus": "uranus", "8_neptune": "neptune", "9_pluto": "pluto",
    "australian_rules_football": "football", "eiffel_tower": "eiffel tower", "uk_post_box": "post box",
    "cementMixer": "cement truck", "towTruck": "tow truck", "caboose": "caboose", "chineseJunk": "sailing ship",
    "tugboat": "tugboat", "eddieCopter": "helicopter", "terex": "dump truck", "inukshuk-photo": "inukshuk",
    "beetle": "vw beetle", "silver-gull": "silver gull", "sedan": "sedan", "mountaingoat": "mountain goat",
    "wildboar": "wild boar", "rhino_black": "black rhino", "stripedfish": "stripey fish", "sheep_lamb": "lamb",
    "t_tshirt": "t-shirt", "t_shirt": "shirt", "pinkhome": "house", "cityhouse": "house", "swisshome": "house",
    "drum_tomtom_floor": "drum", "grave-h": "tombstone", "pizza": "pizza", "wishing_well": "wishing well",
}  # fmt: skip
"""Stem of the file -> label, where the caption says more than that."""

_PHRASE = re.compile(
    r"^(?:(?:an?|the|some|two|our) )?(?:(?:pair|bunch|cluster|string|head|quarter) of )?([\w\u2019'\- ]+?)[.!]?$", re.I
)
_DROPPED = frozenset(
    "happy very huge large big colorful lit male singing sleeping sitting toy poisonous small silver closed open "
    "folded modern old-fashioned eared floppy-eared sweet".split()
)
_WORDS = 3

# Names that mean the same to many people, or that a picture of one may well be given: one concept, on one side.
_FAMILIES = tuple(
    frozenset(words.split())
    for words in (
        "cow bull zebu yak bison gnu blackbuck", "sheep lamb ram goat", "chicken hen rooster chick", "pig boar",
        "duck drake gander goose", "peacock peahen", "camel dromedary", "deer doe caribou wapiti", "dog dingo fox",
        "rabbit bunny", "mouse rat", "bee hornet hoverfly fly", "dolphin orca whale", "slug snail", "gull seagull",
        "rosella lorikeet", "fowl turkey", "crow blackbird", "ostrich rhea", "crane heron", "mussel abalone",
        "lobster shrimp", "butterflyfish clownfish lionfish stripey groper trout wrasse fish",
        "hat fedora sombrero cap", "shirt t-shirt jacket", "sock stocking", "orange mandarin", "squash pumpkin",
        "potato yam", "garlic onion", "cake pudding pie", "kettle teapot pitcher mug cooker cup", "can bin",
        "pen marker", "candle menorah", "hammer mallet", "mailbox box", "gravestone headstone tombstone",
        "ball basketball volleyball football racket", "guitar cello violin", "cymbal drum", "trumpet horn bassoon",
        "car sedan beetle", "caboose locomotive", "ship tugboat", "castle fort fortress tower jailhouse",
        "house cottage", "tent tepee", "cathedral monastery", "statue inukshuk", "sun moon",
        "tree birch oak palm",
    )
)  # fmt: skip
_FAMILY = {word: min(members) for members in _FAMILIES for word in members}
_KINDS = {
    "flower": frozenset("rose hibiscus iris daffodil marigold petunia gazania anemone anthurium lavender".split())
}
"""Name -> what it may be said of too, where WordNet does not say so."""
_PLURALS = {"cherries": "cherry", "blueberries": "blueberry", "grapes": "grape", "boars": "boar"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """A stamp that can be asked about."""

    stamp: Stamp
    label: str
    """Lower case, one to three words."""
    category: str
    """Of :data:`QUESTIONS`."""

    @property
    def head(self) -> str:
        """Its noun, singular."""
        return singular(self.label.split()[-1])

    @property
    def concept(self) -> str:
        """What is on one side of the split as a whole."""
        return family(self.head)


def named(stamps: Iterable[Stamp]) -> list[Named]:
    """Those stamps whose name and category are beyond doubt, in their order."""
    found = []
    for stamp in stamps:
        category, label = _category(stamp.key), _label(stamp)
        if category and label:
            found.append(Named(stamp=stamp, label=label, category=category))
    return found


def foreign(one: str, other: str, labels: Iterable[str] = ()) -> bool:
    """Whether a question of one category is out of place before what belongs to the other.

    Args:
        one: category.
        other: category.
        labels: of what is asked and shown; animals that are eaten are not foreign to food.
    """
    if {one, other} == {"animal", "food"} and any(singular(label.split()[-1]) in _EATEN for label in labels):
        return False
    return one != other and frozenset((one, other)) not in _NEAR


def family(head: str) -> str:
    """The name of a noun's family: itself where it has none."""
    return _FAMILY.get(head, head)


def alike(one: str, other: str) -> bool:
    """Whether two nouns are of one family, or one is a name for a kind of the other."""
    return family(one) == family(other) or one in _KINDS.get(other, ()) or other in _KINDS.get(one, ())


def singular(word: str) -> str:
    """A noun's singular, of the few plurals that are used."""
    return _PLURALS.get(word, word)


def _category(key: str) -> str:
    stem = Path(key).stem
    if stem in _LEFT_OUT or key in _LEFT_OUT_KEYS:
        return ""
    return _FOLDERS.get(max((start for start in _FOLDERS if key.startswith(start)), key=len, default=""), "")


def _label(stamp: Stamp) -> str:
    """Its label; empty where the caption is no plain name."""
    known = _LABELS.get(Path(stamp.key).stem)
    if known:
        return known
    found = _PHRASE.match(re.sub(r"\s*\([^)]*\)", "", stamp.caption).strip())
    words = [] if found is None else found[1].lower().replace("\u2019", "'").split()
    kept = [word for word in words if word not in _DROPPED]
    return " ".join(kept) if 0 < len(kept) <= _WORDS else ""
