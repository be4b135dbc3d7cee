"""
Subjects under export control in the United States, by the words that articles and technical data of them carry.

Categories follow the titles of the United States Munitions List (22 CFR 121.1) and of the Commerce Control List (15 CFR
774, supplement 1). A title such as "aircraft" says too little by itself; the phrases are of what is controlled in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

MARKINGS: Final = (
    *("itar controlled", "itar restricted", "itar technical data", "ear controlled", "export controlled"),
    *("export controlled information", "export controlled technical data", "controlled technical information"),
    *("arms export control act", "export control reform act", "united states munitions list", "us munitions list"),
    *("usml category", "noforn", "technical assistance agreement", "manufacturing license agreement"),
    *("warehouse and distribution agreement", "distribution statement b", "distribution statement c"),
    *("distribution statement d", "distribution statement e", "distribution statement f", "cui sp expt"),
    *("deemed export", "defense article", "defense service", "license exception stage", "not releasable to foreign"),
)
"""What stands on documents and in contracts."""

MUNITIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "firearms": (
        *("fully automatic firearm", "select fire rifle", "machine gun receiver", "full auto sear", "sound suppressor"),
        *("caseless ammunition rifle", "firearm silencer design", "fire selector mechanism"),
    ),
    "guns_and_armament": (
        *(
            "howitzer",
            "mortar fire control",
            "recoil mechanism",
            "autoloader for artillery",
            "gun barrel erosion liner",
        ),
        *("rail gun projectile", "electromagnetic gun", "flame thrower"),
    ),
    "ammunition": (
        *(
            "armor piercing round",
            "depleted uranium penetrator",
            "guided projectile",
            "proximity fuze",
            "cluster munition",
        ),
        *("shaped charge warhead", "explosively formed penetrator", "submunition dispenser"),
    ),
    "missiles_and_rockets": (
        *(
            "guided missile",
            "ballistic missile",
            "cruise missile",
            "reentry vehicle",
            "missile seeker",
            "warhead fuzing",
        ),
        *("thrust vector control", "rocket motor case", "solid rocket propellant grain", "man portable air defense"),
        *(
            "manpads",
            "torpedo guidance",
            "naval mine fuze",
            "anti tank missile",
            "missile guidance set",
            "satellite launch vehicle",
        ),
    ),
    "explosives": (
        *(
            "hexanitrohexaazaisowurtzitane",
            "cl 20 explosive",
            "octogen",
            "cyclotrimethylenetrinitramine",
            "hmx explosive",
        ),
        *("rdx explosive", "energetic binder", "insensitive munition explosive", "thermobaric explosive"),
        *("hydroxyl terminated polybutadiene", "propellant burn rate modifier"),
    ),
    "vessels_of_war": (
        *("warship design", "naval nuclear propulsion", "mine countermeasures vessel", "ship signature reduction"),
        *("combatant vessel", "degaussing system", "submarine hull", "acoustic quieting of submarines"),
    ),
    "ground_vehicles": (
        *("main battle tank", "armored personnel carrier", "reactive armor", "active protection system"),
        *("infantry fighting vehicle", "turret drive of a tank"),
    ),
    "aircraft": (
        *("fighter aircraft", "attack helicopter", "unmanned combat aerial vehicle", "radar cross section reduction"),
        *("aerial refueling boom", "weapons bay", "low observable coating", "stealth coating", "helmet mounted cueing"),
    ),
    "personal_protection": (
        *("level iv body armor", "type iv armor plate", "ballistic helmet design", "laser eye protection for military"),
    ),
    "military_electronics": (
        *(
            "electronic countermeasures",
            "radar jammer",
            "electronic warfare suite",
            "active electronically scanned array",
        ),
        *("aesa radar", "towed decoy", "identification friend or foe mode 5", "underwater acoustic array"),
        *("signals intelligence payload", "frequency hopping military radio", "type 1 encryption", "anti jam gps"),
    ),
    "fire_control_and_imaging": (
        *("fire control system", "laser target designator", "image intensifier tube", "night vision focal plane array"),
        *(
            "uncooled focal plane array",
            "infrared search and track",
            "thermal weapon sight",
            "ring laser gyro guidance",
        ),
        *("inertial measurement unit for missile", "bomb sight", "gimbaled targeting pod"),
    ),
    "toxicological_agents": (
        *(
            "nerve agent",
            "blister agent",
            "sarin synthesis",
            "vx synthesis",
            "novichok",
            "tabun",
            "soman",
            "sulfur mustard",
        ),
        *(
            "binary chemical weapon",
            "riot control agent dispenser",
            "weaponized anthrax",
            "chemical agent simulant test",
        ),
    ),
    "spacecraft": (
        *(
            "reconnaissance satellite",
            "anti satellite weapon",
            "spacecraft radiation hardening",
            "star tracker catalog of military",
        ),
        *("satellite bus for military", "on orbit servicing of military", "remote sensing satellite below 0.5 meter"),
    ),
    "nuclear_weapons": (
        *("nuclear weapon design", "nuclear warhead", "implosion lens", "plutonium pit", "neutron initiator"),
        *("thermonuclear secondary", "nuclear test device", "weapons grade plutonium", "weapons grade uranium"),
    ),
    "directed_energy": (
        *("high energy laser weapon", "high power microwave weapon", "particle beam weapon", "directed energy weapon"),
    ),
    "gas_turbine_engines": (
        *(
            "military turbofan",
            "single crystal turbine blade casting",
            "hot section of military engine",
            "afterburner nozzle",
        ),
        *("full authority digital engine control for military", "f135 engine", "f119 engine"),
    ),
    "submersibles": (
        *(
            "military submersible",
            "swimmer delivery vehicle",
            "submarine launched",
            "unmanned underwater vehicle for military",
        ),
    ),
}
"""By titles of 22 CFR 121.1."""

COMMERCE: Final[Mapping[str, tuple[str, ...]]] = {
    "commerce_control": (
        *("commerce control list", "eccn 600 series", "600 series item", "export control classification number"),
        *("five axis machine tool export", "missile technology controls", "nuclear nonproliferation controls"),
        *("military end use rule", "foreign direct product rule", "advanced computing integrated circuit export"),
    ),
}

CLASSIFICATION: Final = (
    r"(?i)\beccn[ \t]{0,2}(?:is|of|[:#=-])?[ \t]{0,2}[0-9][a-e][0-9]{3}\b",
    r"(?i)\busml[ \t]{0,2}(?:cat(?:egory|\.)?)?[ \t]{0,2}(?:x{0,2}(?:ix|iv|v?i{1,3}|v|x))\b",
    r"(?i)\b22 c\.?f\.?r\.?[ \t]{0,2}(?:part )?1(?:2[0-9]|30)\b",
)
"""Numbers of the control lists: an ECCN, a category of the munitions list, a part of the ITAR."""
