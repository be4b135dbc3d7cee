"""
How attempts to steer a model are worded: our own rules, each with a weight.

A weight says how far a match alone convinces us. Weights are set by hand and held against labelled text; a rule that
is right by itself lies above the default threshold. `_` is a gap of blanks; patterns see folded text in lower case.
"""

from __future__ import annotations

from typing import Final

from keeptrusts.detect.orders import ORDERS
from keeptrusts.detect.translations import TRANSLATED


def _any(words: str) -> str:
    return f"(?:{'|'.join(words.split())})"


_EARLIER = _any(
    "previous prior above earlier preceding foregoing original initial existing former past your these those old"
)
_ORDERS = (
    _any(
        "instruction direction directive prompt rule guideline command order task polic(?:y|ies) constraint restriction"
        " assignment context programming training safeguard limit(?:ation)? filter"
    )
    + "s?"
)
_SAID = _any("message conversation text content request") + "s?"
"""What people, too, ask each other to ignore."""
_ALL_BUT_MY = "(?:(?:all|any|every|the|each|everything|of|about|to|completely|and|or|that|other)_)"
_ALL = _ALL_BUT_MY.replace("all|", "all|my|", 1)
_DROP = _any(
    "ignore disregard forget dismiss bypass override overrule neglect skip discard abandon set_aside throw_away"
    " stop_following do_not_follow don't_follow pay_no_attention_to erase unlearn"
)
_DROP_EARLIER = rf"{_DROP}_{_ALL}{{0,4}}{_EARLIER}"
_DROP_WHAT_IS_SAID = rf"{_DROP}_{_ALL_BUT_MY}{{0,4}}{_EARLIER}"
BEGINNINGS: Final = (_DROP_EARLIER, _DROP_WHAT_IS_SAID)
"""Rules that begin with one of these are looked for by it: the whole costs Hyperscan more than all other rules do."""
_MODEL = _any("chatgpt gpt assistant ai bot model llm claude gemini language_model chatbot")
_TOLD = _any(
    "system_prompt system_message initial_prompt initial_instructions hidden_prompt hidden_instructions"
    " secret_instructions original_prompt original_instructions pre-?prompt your_prompt your_instructions your_rules"
    " your_guidelines custom_instructions developer_message prompt_above instructions_above your_system"
)
_TELL = _any(
    "reveal show print repeat output display tell give share expose disclose leak dump list"
    " recite spell translate"
    " summari[sz]e provide return echo what_(?:is|are|was|were)"
)
_DEFINITE = r"(?:[^\Wa]\w{0,11}|a[^\Wn]\w{0,10}|an\w{1,10})"
"""Any word but `a` and `an`: who builds with models asks for *a* system prompt, who attacks one for *the*."""

RULES: Final[tuple[tuple[str, float, str], ...]] = (
    # Turning the model away from what it was told.
    (
        "override",
        0.95,
        rf"{_DROP_EARLIER}_(?:\w{{1,15}}_){{0,2}}{_ORDERS}",
    ),
    ("override", 0.7, rf"{_DROP_WHAT_IS_SAID}_(?:\w{{1,15}}_){{0,2}}{_SAID}"),
    (
        "override",
        0.93,
        rf"{_DROP}_(?:all|everything|anything|whatever)_(?:\w{{1,12}}_){{0,3}}(?:before|above|prior|previously|earlier|so_far|told|said|instructed|until_now)",
    ),
    ("override", 0.85, rf"{_DROP}_(?:(?:all|any|your)_)(?:(?:the|your|my|other|of)_){{0,2}}{_ORDERS}"),
    ("override", 0.7, rf"{_DROP}_(?:(?:the|my|other)_){{1,2}}{_ORDERS}"),
    ("override", 0.6, rf"{_DROP}_(?:(?:all|any|the|your|of)_){{1,3}}{_SAID}"),
    (
        "override",
        0.8,
        (
            r"(?:from_(?:now|this_moment|here|this_point)_on(?:wards?)?|starting_now"
            r"|henceforth)[^.\n]{0,40}(?:you_(?:are|will|must|shall|should|act|answer|respond|only)|your)"
        ),
    ),
    ("override", 0.7, r"new_(?:instructions?|task|rules?|prompt|directive|role)_?(?::|is|are|follow)"),
    (
        "override",
        0.78,
        (
            r"(?:instead|now)_(?:you_)?(?:must|should|will|have_to)_(?:only_)?(?:follow|obey|answer|say"
            r"|respond|output|write|print)"
        ),
    ),
    (
        "override",
        0.7,
        r"(?:do_not|don't|never)_(?:follow|obey|listen_to|adhere_to)_(?:the|any|your|those|these|previous)",
    ),
    ("override", 0.78, r"(?:actual|real|true|new)_(?:task|instruction|goal|objective|mission)_(?:is|now)"),
    (
        "override",
        0.8,
        (
            r"(?:cancel|delete|reset|clear|wipe)_(?:all_|the_|your_){0,2}(?:previous_|prior_"
            r"|earlier_)?(?:instructions|rules|memory|context|programming|constraints)"
        ),
    ),
    ("override", 0.7, r"(?:ignore|disregard)_the_(?:above|previous|prior|preceding|rest)"),
    ("override", 0.8, r"forget_(?:about_)?(?:everything|all_(?:of_)?(?:this|that|the|previous|prior|your|you))"),
    ("override", 0.85, r"stop_everything[^a-z]{1,6}(?:\w{1,8}[^a-z]{1,6}){0,3}(?:print|say|write|output|just)"),
    (
        "override",
        0.76,
        (
            r"(?:no_longer|not)_(?:respond|answer|reply|act|speak)_(?:\w{1,10}_){0,4}as_(?:chatgpt|an_ai"
            r"|an_assistant|a_language)"
        ),
    ),
    ("override", 0.4, r"(?:you_are|you're)_not_(?:chatgpt|an_ai|claude|an_assistant|a_language_model)"),
    ("override", 0.77, r"(?:begin|start|initiate)_(?:reprogramming|new_instructions?|jailbreak|override)"),
    # Asking for what it was told.
    ("prompt_leak", 0.9, rf"{_TELL}_(?:(?:\w{{1,12}}_){{0,4}}{_DEFINITE}_)?{_TOLD}"),
    (
        "prompt_leak",
        0.9,
        rf"write_(?:(?:out|down|me|us|here)_){{0,2}}(?:your|the|all|this)_(?:\w{{1,12}}_){{0,2}}{_TOLD}",
    ),
    ("prompt_leak", 0.4, rf"{_TELL}_(?:(?:\w{{1,12}}_){{0,4}}{_DEFINITE}_)?(?:words|text)_above"),
    (
        "prompt_leak",
        0.8,
        (
            r"(?:repeat|print|output|write|say|copy|return)_(?:\w{1,12}_){0,4}(?:words?|text|everything"
            r"|sentences?|lines?|all)_(?:\w{1,12}_){0,2}(?:above|before_this|preceding|prior)"
        ),
    ),
    (
        "prompt_leak",
        0.8,
        rf"(?:encode|translate|convert|rot13|base64|opposite_of|repeat|continue|complete|need_to_see|want_to_see|let_me_see|access)_(?:\w{{1,12}}_){{0,6}}{_TOLD}",
    ),
    (
        "prompt_leak",
        0.8,
        (
            r"(?:instructions?|text|prompt|rules|guidelines|message)_(?:that_)?(?:you_(?:were|have_been"
            r"|are)_(?:given|told|provided|following|initiali[sz]ed)|given_to_you)"
        ),
    ),
    (
        "prompt_leak",
        0.76,
        r"(?:my|your)_(?:system_|initial_|original_|starting_)(?:instructions|prompt|message)_(?:are|is|say|were|was)",
    ),
    (
        "prompt_leak",
        0.7,
        (
            r"your_(?:initial|original|starting|first|internal|hidden|base|core)_(?:instructions?|prompt"
            r"|configuration|guidelines|directives?)"
        ),
    ),
    ("prompt_leak", 0.76, r"(?:not_supposed|not_allowed|forbidden)_to_(?:tell|reveal|share|say|disclose)_(?:me|us)?"),
    (
        "prompt_leak",
        0.35,
        (
            r"(?:your|the|user'?s?)_(?:password|passphrase|secret_key|access_key|access_code)_(?:in"
            r"|backwards?|reversed?|encoded|letter|character|spelled)"
        ),
    ),
    ("prompt_leak", 0.8, r"(?:how|what)_(?:were|are|was)_you_(?:instructed|told|prompted|configured|programmed)"),
    (
        "prompt_leak",
        0.7,
        r"(?:the|my|a)_(?:secret|hidden|confidential)_(?:key|password|instructions?|prompt|code|word)",
    ),
    ("prompt_leak", 0.35, r"what_(?:is|was|'s)_the_(?:secret|password|key|hidden)_?(?:key|word|password|phrase|code)?"),
    ("prompt_leak", 0.75, r"begin(?:ning)?_(?:your_(?:answer|response|reply)_)?with_[\"']?(?:you_are|system)"),
    # Another self without rules.
    (
        "persona",
        0.95,
        (
            r"(?:do_anything_now|\bdan_mode|jailbr(?:eak|eaked|eaking|oken)_(?:mode|prompt|version|me|yourself|the_(?:ai|model|assistant))|developer_mode"
            r"|dev_mode|god_mode|sudo_mode|evil_mode|debug_mode|admin(?:istrator)?_mode|unrestricted_mode|maintenance_mode|\bstan\b_|\baim\b_mode)"
        ),
    ),
    (
        "persona",
        0.85,
        (
            r"(?:pretend|act|behave|respond|roleplay|imagine|simulate"
            r"|play)_(?:\w{1,10}_){0,6}(?:without_(?:any_)?(?:rules|restrictions|limits|limitations|filters?|ethic|moral|censor)|no_(?:rules|restrictions|limits|limitations|filters?|ethic|moral)|unrestricted|unfiltered|uncensored|evil|amoral|unethical)"
        ),
    ),
    (
        "persona",
        0.85,
        rf"{_MODEL}[^.\n]{{0,40}}(?:no|without|free_(?:of|from)|not_bound_by|ignores?)_(?:\w{{1,12}}_){{0,2}}(?:restrictions?|limitations?|rules|filters?|guidelines|ethic|moral|censorship|boundaries)",
    ),
    ("persona", 0.65, r"(?:unfiltered|uncensored|unrestricted|amoral|unethical|no_filters?|unbiased_and_un)"),
    (
        "persona",
        0.6,
        (
            r"(?:you_are|you're|you_will_be|you_have_become|act_as)_(?:now_)?(?:\w{1,12}_){0,3}(?:free"
            r"|unbound|liberated|freed|unchained|released)"
        ),
    ),
    (
        "persona",
        0.76,
        (
            r"(?:two|both|2)_(?:different_)?(?:responses|answers|ways|replies|outputs)[^\n]{0,60}(?:normal"
            r"|classic|standard|jailbr|\[)"
        ),
    ),
    ("persona", 0.7, r"stay_in_(?:your_)?character|stay_a_|break_character|remain_in_character"),
    (
        "persona",
        0.7,
        (
            r"(?:not|no_longer|never|free_from)_(?:be_)?(?:bound|restricted|limited|constrained|confined"
            r"|governed|subject)_(?:by|to)"
        ),
    ),
    (
        "persona",
        0.74,
        (
            r"(?:can_do_anything|answers?_any(?:thing)?|can_say_anything|never_(?:says?_no|refuses?"
            r"|declines?)|must_(?:always_)?comply|always_compl(?:y|ies))"
        ),
    ),
    ("persona", 0.7, r"(?:broken_free|break_free)_(?:of|from)"),
    (
        "persona",
        0.74,
        (
            r"(?:pretend|act|behave|respond|simulate|enter|enable|activate|switch"
            r"|switching)_(?:\w{1,10}_){0,5}(?:in_|as_|to_)?[\"']?(?:\w{1,12}_)?mode_?(?:enabled|activated|output|on|\")"
        ),
    ),
    ("persona", 0.76, r"as_(?:the|its|his|her|their)_name_(?:suggests|implies)"),
    ("persona", 0.78, r"(?:immerse_yourself_into|take_on)_the_role_of_(?:another_)?(?:ai|model|an?_unrestricted)"),
    (
        "persona",
        0.78,
        (
            r"(?:does_not|doesn't|do_not|don't|not)_(?:\w{1,8}_){0,3}(?:care|worry)_(?:about"
            r"|for)_(?:\w{1,10}_){0,4}(?:ethic|moral|legal|law|consequence|feelings|rules|polic)"
        ),
    ),
    # Forbidding refusals.
    (
        "refusal_suppression",
        0.8,
        (
            r"(?:do_not|don't|never|cannot|can't|must_not|without|not_allowed_to"
            r"|will_not)_(?:\w{1,12}_){0,4}(?:refus(?:e|ing|al)|apologi[sz](?:e|ing)|disclaimers?|warn(?:ing)?s?|\"?i'?m_sorry|\"?i_cannot|\"?i_can't|as_an_ai|moraliz|lectur)"
        ),
    ),
    (
        "refusal_suppression",
        0.75,
        (
            r"(?:illegal|unethical|immoral|harmful|dangerous|offensive"
            r"|inappropriate)_(?:\w{1,12}_){0,4}(?:allowed|permitted|fine|okay|acceptable|encouraged|legal)"
        ),
    ),
    (
        "refusal_suppression",
        0.77,
        r"regardless_of_(?:\w{1,12}_){0,4}(?:legal|ethic|moral|consequen|harm|danger|polic|content|restrict)",
    ),
    (
        "refusal_suppression",
        0.7,
        (
            r"(?:openai|anthropic|content|usage|safety|ethical|ai)_?(?:'s)?_(?:content_)?(?:polic(?:y|ies)"
            r"|guidelines|filters?|rules|restrictions)_?[^.\n]{0,30}(?:do_not|don't|no_longer|not_apply|disabled?|off|lifted|bypass|ignored?|removed?|waived|circumvent)"
        ),
    ),
    (
        "refusal_suppression",
        0.4,
        (
            r"(?:bypass|circumvent|evade|get_around|disable|turn_off|remove|deactivate"
            r"|work_around)_(?:\w{1,12}_){0,4}(?:safety|filters?|content_polic|restrictions|guardrails?|safeguards?|moderation|censor|guidelines|ethic)"
        ),
    ),
    # Tokens of chat templates, and text that plays another part of the conversation.
    (
        "delimiter",
        0.85,
        r"<\|?(?:im_start|im_end|system|endoftext|end_of_text|eot_id|start_header_id|begin_of_text|assistant|user)\|>?",
    ),
    ("delimiter", 0.8, r"\[/?inst\]|<</?sys>>|\[/?system\]|</?system(?:_prompt|_message|-prompt)?>"),
    (
        "fake_boundary",
        0.65,
        (
            r"(?:#{2,6}|-{3,8}|={3,8}|\*{2,6})_?(?:end_of_|new_|begin_|start_of_)?(?:system|instructions?"
            r"|user_(?:input|query|request)|prompt|admin|developer|context|document)(?:_\w{1,12})?_?(?:#{2,6}|-{3,8}|={3,8}|\*{2,6}|:)"
        ),
    ),
    (
        "fake_boundary",
        0.6,
        (
            r"\n[ ]{0,3}\[?(?:system|admin|administrator|developer|root)(?:_(?:message|prompt|note|override"
            r"|instruction|update|command|mode))?\]?_?(?:#|:|\()"
        ),
    ),
    (
        "fake_boundary",
        0.75,
        r"(?:begin|end)_(?:of_)?(?:system_prompt|hidden_instructions|admin_override|user_instructions|system_message)",
    ),
    ("fake_boundary", 0.65, r"(?:system|admin|developer|root)_(?:override|access_granted|note:|update:|alert:)"),
    # Speaking with an authority that it has not.
    (
        "authority",
        0.76,
        (
            r"(?:i_am|i'm|this_is|as)_(?:\w{1,10}_){0,3}(?:your_(?:developer|creator|administrator|admin"
            r"|programmer|owner)|an?_(?:openai|anthropic)_(?:engineer|employee|developer))"
        ),
    ),
    (
        "authority",
        0.3,
        r"(?:i_am|i'm|this_is|as)_(?:\w{1,10}_){0,3}(?:the_(?:system_)?administrator|authori[sz]ed_(?:user|personnel|tester))",
    ),
    ("authority", 0.55, r"(?:for_testing|test)_purposes[^.\n]{0,60}(?:ignore|reveal|disable|bypass|without)"),
    # Wrapping, splitting, hypotheticals.
    (
        "smuggling",
        0.35,
        (
            r"(?:decode|decipher|rot13|base64|base_64|hex(?:adecimal)?|morse|caesar)[^.\n]{0,60}(?:follow"
            r"|execute|obey|answer|do_what|and_then|instructions?|respond)"
        ),
    ),
    (
        "smuggling",
        0.6,
        (
            r"(?:combine|concatenate|join|assemble|put_together)[^.\n]{0,50}(?:and"
            r"|then)[^.\n]{0,30}(?:execute|follow|answer|respond|do_it|do_what|run)"
        ),
    ),
    ("smuggling", 0.5, r"let_\w{1,10}_?=_?[\"'][^\n]{1,60}[\"'][^\n]{0,80}(?:\+|concat|combine|join)"),
    (
        "hypothetical",
        0.5,
        (
            r"(?:hypothetical(?:ly)?|fictional|in_a_(?:fictional|parallel|alternate)|imagine_a_world"
            r"|in_a_world)[^\n]{0,80}(?:no_(?:rules|laws|restrictions|ethic)|illegal|without_(?:any_)?(?:rules|laws|restrictions|limits)|anything_goes|secret|password)"
        ),
    ),
    (
        "hypothetical",
        0.25,
        (
            r"(?:hypothetical_(?:scenario|situation|response)|let's_play_a_game|for_a_(?:movie|novel|story"
            r"|book)_(?:i_am|i'm))"
        ),
    ),
    # Making the model carry data out, or act behind the user's back.
    ("exfiltration", 0.85, r"!\[[^\]\n]{0,40}\]\(https?://[^)\s]{1,80}(?:\{|<|\[|%7b|=_?\$)"),
    (
        "exfiltration",
        0.7,
        (
            r"(?:send|forward|post|upload|email|transmit|exfiltrate|leak)_(?:\w{1,12}_){0,6}(?:password"
            r"|credential|api_key|secret|token|conversation|chat_history|private_key|personal_data|system_prompt)s?_?[^.\n]{0,40}(?:to|http)"
        ),
    ),
    (
        "exfiltration",
        0.6,
        (
            r"(?:without|do_not|don't|never)_(?:\w{1,10}_){0,3}(?:tell(?:ing)?|inform(?:ing)?"
            r"|mention(?:ing)?|notify(?:ing)?|alert(?:ing)?|reveal(?:ing)?)_(?:\w{1,10}_){0,2}(?:user|anyone|human|them)"
        ),
    ),
    (
        "destruction",
        0.5,
        (
            r"rm_-rf?_[/~*]|:\(\)\{_?:\|:&_?\};:|\bdrop_table\b|;_?shutdown|curl_[^\n|]{1,80}\|_?(?:ba)?sh"
            r"|mkfs\.|dd_if=/dev/zero"
        ),
    ),
    *TRANSLATED,
    *ORDERS,
)
"""Category, weight, pattern."""
