"""
Goods and knowledge with a civil and a military use, by the words of the multilateral control regimes.

Sources of the categories: the Nuclear Suppliers Group's dual-use list, the Australia Group's lists of chemicals and
agents, the Missile Technology Control Regime and the Wassenaar Arrangement.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

DUAL_USE: Final[Mapping[str, tuple[str, ...]]] = {
    "nuclear": (
        *(
            "gas centrifuge",
            "uranium enrichment cascade",
            "uranium hexafluoride",
            "isotope separation",
            "heavy water production",
        ),
        *("maraging steel rotor", "krytron", "triggered spark gap", "beryllium reflector", "nuclear grade graphite"),
        *(
            "zirconium sponge nuclear",
            "tritium production",
            "plutonium reprocessing",
            "flash x ray generator",
            "highly enriched uranium",
        ),
    ),
    "chemical_precursors": (
        *("thiodiglycol", "phosphorus oxychloride", "phosphorus trichloride", "methylphosphonyl dichloride"),
        *("methylphosphonyl difluoride", "dimethyl methylphosphonate", "pinacolyl alcohol", "3 quinuclidinol"),
        *(
            "quinuclidinyl benzilate",
            "diisopropylaminoethanol",
            "potassium bifluoride precursor",
            "trimethyl phosphite",
        ),
        *("triethanolamine mustard", "arsenic trichloride", "benzilic acid precursor", "chlorosarin", "amiton"),
        *("glass lined reactor for agent", "scrubber for toxic agent"),
    ),
    "biological_agents": (
        *("bacillus anthracis", "yersinia pestis", "francisella tularensis", "variola virus", "ebola virus culture"),
        *(
            "marburg virus",
            "botulinum toxin production",
            "ricin extraction",
            "clostridium botulinum",
            "burkholderia mallei",
        ),
        *(
            "nipah virus",
            "gain of function",
            "enhanced transmissibility",
            "aerosol challenge chamber",
            "weaponization of pathogens",
        ),
        *("reverse genetics of influenza", "spray drying of pathogens", "class iii biosafety cabinet purchase"),
    ),
    "missile_technology": (
        *("isostatic press", "filament winding machine", "flow forming machine", "carbon carbon composite nozzle"),
        *(
            "ammonium perchlorate",
            "hydrazine propellant",
            "accelerometer for missile",
            "gyroscope for missile",
            "ablative nose tip",
        ),
        *("wind tunnel mach 5", "rocket propulsion test stand", "uav range 300 km"),
    ),
    "electronics_and_computing": (
        *("radiation hardened integrated circuit", "extreme ultraviolet lithography", "travelling wave tube amplifier"),
        *(
            "high speed analog to digital converter export",
            "gallium nitride power amplifier radar",
            "quantum cryptography export",
        ),
        *("supercomputer export", "advanced node semiconductor export"),
    ),
    "surveillance_and_cyber": (
        *(
            "intrusion software",
            "imsi catcher",
            "lawful interception backdoor",
            "zero day exploit",
            "exploit chain for sale",
        ),
        *(
            "mobile interception equipment",
            "ip network surveillance system",
            "spyware implant",
            "cryptanalysis product",
        ),
    ),
    "sensors_and_navigation": (
        *("hydrophone array", "towed acoustic array", "hyperspectral imager military", "gravity gradiometer"),
        *("inertial navigation system export", "terahertz imaging export", "side looking airborne radar"),
    ),
    "materials_processing": (
        *(
            "five axis machine tool",
            "hot isostatic press",
            "electron beam welder vacuum",
            "vacuum induction furnace nuclear",
        ),
        *("hexagonal boron nitride crucible", "tungsten rhenium composite", "ultra high modulus carbon fibre"),
    ),
}
