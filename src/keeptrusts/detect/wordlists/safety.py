"""
What must not be asked of a model in a field, nor said by it. `EVERYWHERE` holds in each of them.

Phrases are of intent ("build a pipe bomb"), since subjects alone ("bomb disposal") are asked about for good reasons.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

Phrases: TypeAlias = Mapping[str, tuple[str, ...]]


def _each(verbs: str, *things: str) -> tuple[str, ...]:
    """Every verb with every thing."""
    return tuple(f"{verb} {thing}" for verb in verbs.split("|") for thing in things)


EVERYWHERE: Final[Phrases] = {
    "explosives": (
        *_each(
            "build|make|assemble|construct",
            "a bomb",
            "a pipe bomb",
            "an explosive",
            "explosives",
            "a detonator",
            "an ied",
        ),
        *("homemade explosive", "improvised explosive device", "nail bomb", "letter bomb", "tatp synthesis"),
        *("synthesize tatp", "thermite bomb", "molotov cocktail recipe", "make a molotov cocktail", "dirty bomb"),
    ),
    "weapons": (
        *_each("build|make|print", "a ghost gun", "an untraceable gun", "an untraceable firearm"),
        *("3d printed gun", "convert to full auto", "auto sear", "homemade silencer", "make a silencer"),
        *(
            "make a nerve agent",
            "make sarin",
            "make ricin",
            "make chlorine gas",
            "make mustard gas",
            "make a bioweapon",
        ),
    ),
    "self_harm": (
        *("how to kill myself", "ways to kill myself", "how to commit suicide", "painless suicide", "suicide method"),
        *("how to hurt myself", "ways to cut myself", "lethal dose to end my life", "help me end my life"),
    ),
    "child_abuse": (
        *_each(
            "make|create|generate|find|share|download|watch|sell", "child pornography", "child sexual abuse material"
        ),
        *("sexualized minor", "sexual content with a minor"),
        *("groom a child", "groom a minor", "nude minor"),
    ),
    "mass_violence": (
        *("plan a mass shooting", "carry out a mass shooting", "plan a terrorist attack", "carry out an attack on"),
        *("poison the water supply", "contaminate the water supply", "kill as many people", "school shooting plan"),
    ),
}

CRITICAL_INFRASTRUCTURE: Final[Phrases] = {
    "safety_systems": (
        *_each("disable|bypass|override|defeat|jumper", "the safety interlock", "safety interlocks", "the interlock"),
        *_each(
            "disable|bypass|override|defeat",
            "the emergency shutdown",
            "the safety instrumented system",
            "the pressure relief",
        ),
        *_each(
            "disable|bypass|override|silence|suppress", "the gas detector", "the flame detector", "the high level alarm"
        ),
        *("bypass the sis", "force the trip", "inhibit the trip", "defeat the relief valve", "block the relief valve"),
    ),
    "grid": (
        *("cause a blackout", "take down the grid", "trip the breakers remotely", "desynchronize the generator"),
        *(
            "open the breakers remotely",
            "aurora attack",
            "overload the transformer",
            "destabilize the grid",
            "grid frequency attack",
        ),
    ),
    "control_systems": (
        *(
            "attack the scada",
            "hack the scada",
            "exploit the plc",
            "inject modbus commands",
            "spoof the sensor readings",
        ),
        *(
            "spoof the hmi",
            "brick the plc",
            "overwrite the firmware of the plc",
            "reprogram the plc without authorization",
        ),
        *("replay attack on the controller", "malware for industrial control", "write a stuxnet"),
    ),
    "water_and_gas": (
        *(
            "override chlorine dosing",
            "increase the sodium hydroxide level",
            "overpressure the pipeline",
            "rupture the pipeline",
        ),
        *(
            "open the floodgates",
            "disable the cathodic protection",
            "shut off the cooling water",
            "disable leak detection",
        ),
    ),
    "physical_access": (
        *(
            "sabotage the substation",
            "attack a substation",
            "shoot the transformer",
            "sabotage the pipeline",
            "breach the perimeter of the plant",
        ),
    ),
}

AUTOMOTIVE: Final[Phrases] = {
    "safety_systems": (
        *_each(
            "disable|bypass|defeat|deactivate|remove",
            "the airbag",
            "airbags",
            "the seat belt warning",
            "the brake assist",
        ),
        *_each(
            "disable|bypass|defeat|deactivate",
            "abs",
            "esc",
            "stability control",
            "automatic emergency braking",
            "lane keeping",
        ),
        *(
            "disable driver monitoring",
            "bypass driver monitoring",
            "defeat driver monitoring",
            "trick the steering wheel sensor",
        ),
        *("autopilot nag defeat", "hands free defeat device", "disable the speed limiter", "remove the speed limiter"),
    ),
    "emissions": (
        *("defeat device", "delete the dpf", "dpf delete", "egr delete", "scr delete", "adblue emulator", "def delete"),
        *("emissions cheat", "bypass emissions", "catalytic converter delete"),
    ),
    "theft": (
        *(
            "bypass the immobilizer",
            "immobilizer bypass",
            "clone the key fob",
            "key fob relay attack",
            "relay attack on keyless",
        ),
        *("hotwire a car", "program a key without", "steal a car"),
    ),
    "odometer": ("odometer rollback", "roll back the odometer", "mileage correction tool", "reset the mileage"),
    "vehicle_networks": (
        *(
            "can bus injection attack",
            "inject can frames",
            "spoof can messages",
            "remote kill the engine",
            "hack the ecu",
        ),
        *("take over the steering", "remotely disable the brakes", "spoof the lidar", "spoof the radar sensor"),
    ),
}

LAW_ENFORCEMENT: Final[Phrases] = {
    "protected_identities": (
        *(
            "identity of the informant",
            "name of the informant",
            "identity of the undercover officer",
            "reveal the informant",
        ),
        *("who is the confidential informant", "witness protection location", "address of the protected witness"),
        *("identity of the juvenile", "identity of the victim"),
    ),
    "evidence": (
        *_each("tamper with|destroy|plant|fabricate|alter|falsify", "evidence", "the evidence"),
        *("alter the police report", "falsify the police report", "backdate the warrant", "break the chain of custody"),
        *("delete the body camera footage", "disable the body camera", "turn off the body camera", "falsify the log"),
    ),
    "unlawful_force": (
        *(
            "torture a suspect",
            "coerce a confession",
            "force a confession",
            "excessive force without",
            "chokehold without",
        ),
        *(
            "interrogate without a lawyer",
            "search without a warrant",
            "surveillance without a warrant",
            "wiretap without a warrant",
        ),
    ),
    "profiling": (
        *("who is likely to commit a crime", "predict who will commit", "arrest based on race", "stop based on race"),
        *("racial profiling of", "suspect based on ethnicity", "target by religion"),
    ),
    "evasion": (
        *(
            "evade the police",
            "avoid police detection",
            "escape from custody",
            "jam police radio",
            "police checkpoint avoidance",
        ),
        *("fake police badge", "impersonate a police officer", "spoof an officer"),
    ),
}

EDUCATION: Final[Phrases] = {
    "academic_integrity": (
        *(
            "write my essay for me",
            "do my homework for me",
            "take my exam",
            "exam answer key",
            "stolen exam",
            "essay mill",
        ),
        *(
            "answers to the test",
            "bypass the proctoring",
            "bypass plagiarism detection",
            "cheat on the exam",
            "cheat on my exam",
        ),
    ),
    "bullying": (
        *(
            "make fun of a classmate",
            "bully a classmate",
            "humiliate a classmate",
            "rumor about a classmate",
            "rumor about a student",
        ),
        *("embarrass a student", "harass a teacher", "fake nude of a classmate", "deepfake of a classmate"),
    ),
}
"""What no pupil should get, of whatever age."""

RATED: Final[Mapping[str, tuple[int, tuple[str, ...]]]] = {
    "graphic_violence": (16, ("graphic violence", "gore video", "execution video", "torture scene", "snuff video")),
    "dating": (16, ("dating app", "hookup", "meet strangers online", "sexting")),
    "alcohol": (18, ("buy alcohol", "get drunk", "make moonshine", "drinking game", "fake id for alcohol")),
    "tobacco": (18, ("buy cigarettes", "buy a vape", "vape juice", "nicotine pouch", "smoke cigarettes")),
    "drugs": (18, ("buy weed", "get high", "buy drugs", "snort cocaine", "take ecstasy", "roll a joint", "cook meth")),
    "gambling": (18, ("online casino", "sports betting", "slot machine", "bet money", "online poker for money")),
    "sexual_content": (18, ("pornography", "porn", "explicit sex", "erotic story", "sex position", "nude photo")),
}
"""Category to the age from which its phrases are let through."""
