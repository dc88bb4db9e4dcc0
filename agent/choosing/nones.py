"""Options that say that no other option is right, or that it cannot be told."""

import re

__all__ = ["says_none"]

_CANNOT = r"(?:cannot|can not|cant|could not|couldnt|can never)"
_SEEN = r"(?:picture|photo|photograph|image|text|passage|document|context|list|options|choices|answers|evidence)"
_PATTERNS = (
    r"(?:none|neither|nothing)(?: of (?:the |these |those )?(?:above|following|others?|them|these|those|two|options"
    r"|answers|choices|given|listed))?(?: (?:options|answers|choices|ones))?(?: (?:applies|apply|(?:is|are) (?:right"
    r"|correct|true)))?",
    rf"(?:it |this |that |the (?:answer|question) )?{_CANNOT} (?:be )?(?:determined?|known|told|tell|answer(?:ed)?|said"
    r"|say|inferred|seen|identified|judged|decided?)\b.{0,60}",
    r"(?:it is |its )?(?:impossible|not possible|hard) to (?:tell|say|know|determine|answer)\b.{0,60}",
    rf"i (?:{_CANNOT}|dont|do not|am not able to|am unable to) (?:tell|say|answer|know|see|determine)\b.{{0,60}}",
    rf"not (?:shown|seen|visible|present|depicted|given|listed|mentioned|stated|answerable|applicable|sure"
    rf"|(?:shown |visible |given |listed |stated |mentioned )?(?:in|on|among|by) (?:the|this|these) {_SEEN})",
    r"(?:there is )?(?:no|not (?:an|any|a)) (?:(?:right|correct|valid|such|suitable|possible) )?"
    r"(?:answer|option|choice)(?: (?:is )?(?:right|correct|given|listed|above|fits|applies|here))?",
    r"(?:there is )?(?:not enough|insufficient|too little) (?:information|evidence|data|context)\b.{0,40}"
    r"|no (?:information|evidence)",
    r"the (?:right |correct )?(?:answer|option) is (?:not (?:given|listed|shown|here|there)|missing|none)\b.{0,40}",
    rf"(?:the )?{_SEEN} (?:does|do) not (?:show|say|tell|hold)\b.{{0,60}}",
    r"unanswerable|unknown|undetermined|indeterminate|na|something else|no answer",
    # The forms of German, French, Spanish, Italian and Portuguese that benchmarks of these languages print.
    r"keine? (?:der|von|dieser?)\b.{0,40}|aucune? (?:de|des)\b.{0,40}|ningun[oa] de\b.{0,40}"
    r"|nessun[oa] (?:di|dei|delle)\b.{0,40}|nenhum[a]? d[aeo]s?\b.{0,40}|以上都不[是对]|以上皆非",
)
_NONE = re.compile("|".join(f"(?:{pattern})" for pattern in _PATTERNS))
_LONGEST = 120


def says_none(text: str) -> bool:
    """Whether an option says "none of the above", "cannot be determined", "not in the picture" or the like.

    A list by hand. "No", "zero", "other" and "nobody" are answers.
    """
    if len(text) > _LONGEST:
        return False
    plain = " ".join(re.sub(r"[^\w\s]", "", text.casefold().replace("/", "")).split())
    return _NONE.fullmatch(plain) is not None
