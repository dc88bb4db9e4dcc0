"""What an abstention says: that there is no answer and why, what was looked for and where, and what would change it."""

from collections.abc import Sequence

from foveate.records import Reason

__all__ = ["abstention"]

_WHY: dict[Reason, str] = {
    "no_evidence": "I cannot tell: nothing in this collection answers it.",
    "absent_object": "I cannot tell: none of what the question offers is there.",
    "incompatible_question": "I cannot tell: the question and what it is asked about do not fit together.",
    "false_premise": "I cannot tell: the question takes something for granted that nothing here supports.",
    "conflicting": "I cannot tell: the evidence contradicts itself.",
    "out_of_budget": "I ran out of time before I found evidence.",
    "none": "I cannot tell.",
}
_CURE: dict[Reason, str] = {
    "no_evidence": "Files that say it, or a filter that leaves more of them, would make it answerable.",
    "absent_object": "An option that is right, or a question about what is there, would make it answerable.",
    "incompatible_question": "The picture or the options that belong to this question would make it answerable.",
    "false_premise": "A question without that premise, or files that support it, would make it answerable.",
    "conflicting": "A filter that leaves one of the sources would make it answerable.",
    "out_of_budget": "A larger budget may make it answerable: seconds, hops.",
    "none": "",
}


def abstention(
    reason: Reason,
    *,
    searched: Sequence[str],
    filters: str = "",
    options: Sequence[str] = (),
    closest: str = "",
    unsupported: str = "",
) -> str:
    """Three sentences at most that a person can act on.

    Args:
        reason: of the abstention.
        searched: queries, as they were asked of the collection.
        filters: that narrowed it.
        options: that were offered.
        closest: file that came nearest, if any did.
        unsupported: words of the question that no evidence holds.
    """
    why = _WHY[reason]
    if reason == "false_premise" and unsupported:
        why = f"{why[:-1]} ({unsupported})."
    asked = "; ".join(repr(query) for query in searched)
    where = f" (filters: {filters})" if filters else ""
    looked = f"Looked for {asked}{where}" if asked else ""
    among = f", among {len(options)} options" if options and looked else ""
    nearest = f"; closest is {closest}" if closest and looked else ""
    return " ".join(filter(None, (why, f"{looked}{among}{nearest}." if looked else "", _CURE[reason])))
