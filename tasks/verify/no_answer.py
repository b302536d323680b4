"""Answers that say that there is none, or that nothing is left."""

from __future__ import annotations

import re

DENIAL = re.compile(
    r"\b(?:can ?not|can't|could not|couldn't|impossible to|not possible to|unable to|don't|do not) (?:be )?(?:determined?|answer(?:ed)?|solved?|"
    r"calculated?|found|find|know|computed?|give an? (?:exact|specific|final) answer|directly answer)\b"
    r"|(?:\bnot|n't) (?:(?:provide|have|give|contain|include|be)d? )?(?:possible|determinable|given|specified|provided|enough (?:information|data)|sufficient|defined)\b"
    r"|\bimpossible\b|\bundefined\b|\bcan ?not (?:give|provide|be (?:simplified|accurately))\b|\bplease provide\b|\bwe (?:would )?need to know\b"
    r"|\bunlimited\b|\binfinite(?:ly)?\b|\bdoes not exist\b|\bindeterminate\b|\bunknown\b|\bundetermined\b|\binsufficient\b|\binconclusive\b"
    r"|\bno (?:such |real |valid |possible |unique |integer |exact )*(?:solutions?|answers?|integers?|values?|numbers?)\b"
    r"|\bno (?:[\w$]+ ){0,4}(?:exists?|satisf\w+)\b|\bthere (?:is|are|was|were) no (?:such|real|positive|integer|valid|possible|way|min|max)|\bnot applicable\b"
    r"|\b(?:is|be|contains?|has|seems to have|appears to have) (?:an? |some |likely an? )?(?:errors?|mistakes?|typo|inconsistency)\b"
    r"|\b(?:doesn't|does not|don't have enough|do not have enough|need more|without (?:additional|more)|lack(?:s|ing)?) (?:make sense|information|data)\b"
    r"|\b(?:question|problem)(?: statement)? (?:is|seems|appears) (?:incomplete|incorrect|inconsistent|unsolvable|flawed)\b"
    r"|\b(?:correct|missing|additional|more) information\b|\bcheck the (?:question|problem|numbers|information)\b|^none$|^nan$|^n/?a$",
    re.IGNORECASE,
)
"""Says that there is no answer where one is asked for."""
NOTHING_LEFT = re.compile(
    r"\bno (?:more )?(?:[a-zA-Z-]+ ){0,4}(?:left|left ?over|remaining|unpacked)\b(?: over)?|\bnothing (?:is |was )?left\b",
    re.IGNORECASE,
)
"""Says that none are left, where that is asked for."""
