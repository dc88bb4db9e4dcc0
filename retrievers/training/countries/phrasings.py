"""How questions are asked. Of each list the last :data:`UNSEEN` are asked of the held-out half only."""

__all__ = ["ASKED", "BRIDGES", "COMPARED", "FLAG", "UNSEEN", "seen", "unseen"]

UNSEEN = 2

ASKED: dict[str, tuple[str, ...]] = {
    "capital": (
        "What is the capital of {x}?",
        "Which city is the capital of {x}?",
        "What is the name of the capital city of {x}?",
        "Tell me the capital of {x}.",
        "Which place does {x} have as its capital?",
        "Which town is {x} governed from as its capital?",
        "Name the capital city of {x}.",
    ),
    "currency": (
        "Which currency is used in {x}?",
        "What is the currency of {x}?",
        "What money do people pay with in {x}?",
        "Which money is used in {x}?",
        "Tell me the currency of {x}.",
        "What do shoppers in {x} pay with?",
        "Name the money that people spend in {x}.",
    ),
    "subregion": (
        "Which subregion does {x} belong to?",
        "What is the subregion of {x}?",
        "To which subregion is {x} counted?",
        "In which subregion does {x} lie?",
        "Tell me the subregion of {x}.",
        "Which subregion of the world holds {x}?",
        "Name the subregion where one finds {x}.",
    ),
    "area": (
        "What is the area of {x}?",
        "How large is {x}?",
        "How many square kilometres does {x} cover?",
        "What area does {x} cover?",
        "Tell me the area of {x}.",
        "How much land does {x} take up?",
        "How big is {x}, in square kilometres?",
    ),
    "population": (
        "How many people live in {x}?",
        "What is the population of {x}?",
        "How many inhabitants does {x} have?",
        "Tell me the population of {x}.",
        "What is the number of inhabitants of {x}?",
        "How populous is {x}?",
        "By how many people is {x} inhabited?",
    ),
    "demonym": (
        "What is a person from {x} called?",
        "What do you call a person from {x}?",
        "What is the demonym of {x}?",
        "Which word is used for a person from {x}?",
        "Tell me the demonym of {x}.",
        "What are people who come from {x} called?",
        "By what name does a native of {x} go?",
    ),
    "tld": (
        "What is the internet domain of {x}?",
        "Which internet domain belongs to {x}?",
        "How do web addresses of {x} end?",
        "Which internet domain does {x} use?",
        "Tell me the internet domain of {x}.",
        "What do websites of {x} have at the end of their address?",
        "Name the domain ending of {x}.",
    ),
    "calling": (
        "What is the calling code of {x}?",
        "Which calling code does {x} have?",
        "What is the phone code of {x}?",
        "Which number is dialled first to call {x}?",
        "Tell me the calling code of {x}.",
        "With which digits do international calls to {x} begin?",
        "Name the telephone prefix of {x}.",
    ),
    "country": (
        "In which country does {x} lie?",
        "Which country is {x} in?",
        "In which country is {x}?",
        "What is the country in which {x} lies?",
        "Tell me the country in which {x} lies.",
        "Where in the world is {x}: in which country?",
        "Name the country that {x} is a part of.",
    ),
    "timezone": (
        "What is the time zone of {x}?",
        "Which time zone does {x} have?",
        "In which time zone is {x}?",
        "Which time zone is kept in {x}?",
        "Tell me the time zone of {x}.",
        "By which time zone do people in {x} set their clocks?",
        "Name the time zone that holds in {x}.",
    ),
}
"""Fact -> questions; ``{x}`` is the subject or words that stand for it. The first one is asked in plans."""

BRIDGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "city": (
        "In which country does {v} lie?",
        (
            "the country where {v} lies",
            "the country in which {v} lies",
            "the country of {v}",
            "the country that {v} is in",
            "the country to which {v} belongs",
            "the country where one finds {v}",
            "the nation that is home to {v}",
        ),
    ),
    "capital": (
        "Which country has {v} as its capital?",
        (
            "the country whose capital is {v}",
            "the country that has {v} as its capital",
            "the country with the capital {v}",
            "the country of which {v} is the capital",
            "the country whose capital city is {v}",
            "the country governed from its capital {v}",
            "the nation whose capital is called {v}",
        ),
    ),
    "demonym": (
        "Which country has people called {v}?",
        (
            "the country whose people are called {v}",
            "the country where a person is called {v}",
            "the country with the demonym {v}",
            "the country that {v} is the demonym of",
            "the country of a person called {v}",
            "the home country of somebody described as {v}",
            "the nation whose natives go by the word {v}",
        ),
    ),
    "tld": (
        "Which country has the internet domain {v}?",
        (
            "the country with the internet domain {v}",
            "the country whose internet domain is {v}",
            "the country that uses the internet domain {v}",
            "the country whose web addresses end with {v}",
            "the country to which the internet domain {v} belongs",
            "the country behind websites that end in {v}",
            "the nation that owns the domain ending {v}",
        ),
    ),
    "calling": (
        "Which country has the calling code {v}?",
        (
            "the country with the calling code {v}",
            "the country whose calling code is {v}",
            "the country that has the calling code {v}",
            "the country called with {v}",
            "the country whose phone code is {v}",
            "the country reached by dialling {v}",
            "the nation behind the telephone prefix {v}",
        ),
    ),
    "flag": (
        "Which country's flag is this?",
        (
            "the country with this flag",
            "the country whose flag this is",
            "the country where this flag flies",
            "the country this flag belongs to",
            "the country of this flag",
            "the country that hoists this flag",
            "the nation that the flag in the picture stands for",
        ),
    ),
}
"""What is known of a country -> (question that finds the country, words that stand for it); ``{v}`` is the value."""

FLAG: tuple[str, ...] = (
    "Which country's flag is this?",
    "Which country does this flag belong to?",
    "Whose flag is this?",
    "Which country has this flag?",
    "Tell me which country's flag this is.",
    "What nation does the flag in the picture stand for?",
    "Name the country that hoists this flag.",
)
"""Questions about the picture alone. The first one is asked in plans."""

COMPARED: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "more_people": (
        "population",
        "most",
        (
            "Which has more inhabitants, {a} or {b}?",
            "Do more people live in {a} or in {b}?",
            "Which has the larger population, {a} or {b}?",
            "Where do more people live, in {a} or in {b}?",
            "Of {a} and {b}, which has more people?",
            "Which of the two is more populous: {a} or {b}?",
            "Between {a} and {b}, which one is home to more people?",
        ),
    ),
    "fewer_people": (
        "population",
        "least",
        (
            "Which has fewer inhabitants, {a} or {b}?",
            "Do fewer people live in {a} or in {b}?",
            "Which has the smaller population, {a} or {b}?",
            "Where do fewer people live, in {a} or in {b}?",
            "Of {a} and {b}, which has fewer people?",
            "Which of the two is less populous: {a} or {b}?",
            "Between {a} and {b}, which one is home to fewer people?",
        ),
    ),
    "larger_area": (
        "area",
        "most",
        (
            "Which is larger, {a} or {b}?",
            "Which covers a larger area, {a} or {b}?",
            "Which has the larger area, {a} or {b}?",
            "Is the area of {a} or of {b} larger?",
            "Of {a} and {b}, which covers more square kilometres?",
            "Which of the two takes up more land: {a} or {b}?",
            "Between {a} and {b}, which one is bigger in size?",
        ),
    ),
    "smaller_area": (
        "area",
        "least",
        (
            "Which is smaller, {a} or {b}?",
            "Which covers a smaller area, {a} or {b}?",
            "Which has the smaller area, {a} or {b}?",
            "Is the area of {a} or of {b} smaller?",
            "Of {a} and {b}, which covers fewer square kilometres?",
            "Which of the two takes up less land: {a} or {b}?",
            "Between {a} and {b}, which one is tinier in size?",
        ),
    ),
}
"""Relation -> (fact that is compared, kind of the last step, questions). ``more_people`` is asked of cities too."""


def seen(phrasings: tuple[str, ...]) -> tuple[str, ...]:
    """Those asked in both halves."""
    return phrasings[:-UNSEEN]


def unseen(phrasings: tuple[str, ...]) -> tuple[str, ...]:
    """Those never trained on."""
    return phrasings[-UNSEEN:]
