"""Makes librarian/privacy/data/names.txt from the name lists of Faker (MIT).

python tests/make_names.py > librarian/privacy/data/names.txt
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections import defaultdict
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import faker
import faker.providers.color
import faker.providers.job
import faker.providers.lorem
import faker.providers.person

from librarian.privacy.folding import bare
from librarian.privacy.names import PARTICLES, UNSPACED_NAME

POPULAR = 3
"""Languages in which a name is a first name, from which on it is popular."""
KNOWN_EVERYWHERE = 3
"""Languages from which on a name is a name although a list of words has it too."""
ORDINARY = """
    per nada mare beer alla mata mora gal bello villa lange sever imam oliva mate maj meda arta luc thi
    able abbey ace add ada age agent aid aim alba alert alexa alfa alpha alto amber amen angel ann apple april
    arch archer aria ark art ash asia aspen august aura aurora austin autumn avid axe bach baker band bank banks
    bar bard barn baron bass bay beam bean bear beat beck bee bell belle berg berlin berry bert best beta beth
    bill bin bird bishop black blank blue bob bold bolt bond bonn book booker born bow bowl box boy branch brand
    bread brick bride bridge bright brook brown buck bud burn bush butler button cable camp can candy canon cap
    car card care carry carter case cash cast castle cat chad chain chance chandler chapel charge charity chart
    chase check chip christian church city claim clark clay clear clem clerk cliff clip close cloud coal coast
    code cole colt come con constant cook cool copper coral core corn cotton count court cove cox craft crane
    creed crew crisp cross crow crown crystal cruz cuba cuda cue curry curtis cut daisy dale dan dane dash data
    date dawn day dean dee deep dell dem den dennis der desire diamond dial dick dim dior dirk dixie dock doc
    dolly dom dome don dot dove drake draw drew duke dusty dutch eagle earl early east easter echo eden edge
    edit ego elder elf elif elite elle elm else emerald end ene era ernst eve even event ever fair fairy faith
    fall fan far farm farmer fast favor fay fear fee felt fern field fig fin finn fire fish fit flag fleet flint
    flora flower flow fold font forest fort fox frame france frank free french friend frost fry full gala gale
    game gap garden gas gate gay gem general genie gift gig glen gold golden good gore grace grain gram grand
    grant grass gray green grey grid griffin gross group grove guard guide gun guy hale hall ham hand handy
    happy harbor hard harm harmony harp hart harvest have haven hawk hay hazel head heart heat heath heaven heck
    held hen herb hero hide high hill hint holder holiday hollow home honey honor hood hook hope horn horst hose
    hot house hub hue hull hunt hunter hurt ice india ink inn iris iron island ivory ivy jack jade jan jar java
    jay jazz jean jerk jet jewel job join jolly joy judge june junior junk jury just justice kai kay keen keep
    kelvin ken key kid kin kind king kit klein knight lace lad lady lake lam lamb lance land lane lang large
    lark last late laurel lavender law layer lea leaf lee left len lens leo less levy lex liberty lie light lily
    limit lin line link lion list little lock lodge log logan lon long loop lord lot lotus love low loyal luck
    lucky luna lung lux lynx mac mad magic mai maine main major make male mali man mann many maple marble march
    marine mark marks marsh marshall mason mass master mat math mats max may mayor meadow mean media melody
    memory mercury mercy mere merit merry meta metro mid midi mile miles mill miller mina mind mini minor mint
    miracle miss mist misty mode model mole monaco money mono montana moon moor moore morning moss most mount
    much music nan nana nature naval neat neo net never new nice night nil noble noel nor norm norma normal
    north note nova number oak ocean octave octavia odd odin off olive ona opal ora oral orange oscar over pace
    page pages pain paint pair palm pan panda panel paper par paris park parker parish part pass pat patch
    patience patient peace peach peak pearl peer pen penny pepper perry pet petal piano pierce pike pin pine
    pink piper pitt pixel plain plan plum poe point pole polly pool poor pop pope poppy porter post pound power
    powers pratt prairie precious prentice press price pride prime prince princess prior promise proof prosper
    provost pure quartz queen quest quick quiet rain rainbow ram ran rand randy range rank ranger ray reach read
    reader real reason rebel record red reed reef reese regal rem remember remy rest rex rich ride ridge right
    ring rio rise risk river rob robin rock rocky rod roman rome root rose rosemary ross round row royal ruby
    rule run rush russ rusty rye sable sage said sailor sail saint sale salt sam sample san sand sandy sapphire
    saturn savanna savannah sawyer say scarlet scott scout sea sean season see self selma sell sergeant set
    shade shah shall sharp shaw shell shepherd shore short show shy side sierra sign silver simple sin sine
    singer single skip sky slack sloan small smart snow sol sole son song sonny soul sound south spa spark speed
    spencer spring spruce squire stack stage stan star stark start state stein stella step sterling stern
    steward stock stone storm stout stream street strong such sue sugar suits summer sun sunday sunny sunshine
    swan swift sword sys tab tad tag talent talon tan tank tanner task tat tate tax taylor teal ted tell temple
    tender term terra test than thea thor thorn thy tide tie tiger tile tim time tin tina titan toe ton tone
    tool top torch torn tower town toy track trade trail train travel tree treat trend trey trinity trip troy
    true trinidad truth tucker tune turk turn turner twin ty ulla union unique unit unknown urban usa vale
    valentine valid valley value van vance vega velvet venice venus verity victor vic viola violet virgin vision
    vista vita vito von wade wait walk walker wall ward ware warm warner water watt watts wave way web weber
    wells west wheat wheeler whistler white wild will willow win wind winner winter wire wise wish wolf wolfe
    wonder wood woods woody word work worth wren wright yard yates year young yule zen zero zion alter aber acht
    andere arm auch bad beide bernd blume braun breit brunnen bruder burg dank decker dorn eiche eis ende engel
    erde erich ernte esel fest feuer fisch fleck flor frei freitag freud freude freund friede frieden fuchs
    garten gast geist gelb gern glas glaser gott graf gras grau gut haar hahn hammer hase haupt herbst herr herz
    himmel hirsch hoch hof holz honig jager jahr jung kaiser kalt kern kirche klar koch konig kopf korn kraft
    kranz krieg kron kurz kuss laut leben leer licht liebe lieb linde lob los luft lust macht markt mauer maurer
    meer meister mensch milch mohr mond morgen mut mutter nacht nagel nase neu neue nord not oder ohne ost pfeil
    pracht rat recht reich reise richter ritter rot ruhe salz sauer schade schal schatz schiff schlag schmidt
    schmied schnee schneider schon schreiber schuh schule schulze schuster schwan schwarz sein seine selig
    sommer sonne sonntag spiegel stadt steiger sturm tal taube tier tisch tod tor tot treu tuch uhr unger unter
    vogel vogt vor voll wald wagner weg wein weis weise weiss welt winkel wirt wohl wolke wort wunder zimmer
    zimmermann zorn zucker zweig aime amour ange arc aube avril beau bijou blanc blanche bois bon bonheur bonne
    boulanger brun chanson chasse chateau ciel clair clement cour dieu dieudonne doux droit essai etoile ferme
    fleur fontaine foret fortune franc gris jardin jolie jour juste lac lavande legrand leroux libre loup
    lumiere lune mars marche marin merci mer merle mont moulin neige nuit parfait paix pascal petit plat pont
    porte prudent prudence prune printemps reine rive roche roi rouge roux roy sauvage sel sept soleil solange
    sud terre tour vent verger vert vie vigne ville vivien vrai alegria alma amado amor ana angeles bella blanca
    blanco bravo bueno cabello calle camino campo casa castillo cielo claro conde corte cuesta dia dulce
    encarnacion esperanza estrella flores fuente fuentes guerra hombre iglesia leon libertad luz mar mayo medina
    mercado mil milagros mundo nieves norte noche paloma paz perfecto pilar pino plaza prado primero primo
    puente ramos rey reyes rico rios rojo rosa rosado salud salvador santa santo santos serrano socorro soledad
    torre torres valle vida virgen sasa sana mira ida ita eda ali ala ane ari asa una isa ina ima eva eri eli bo
    ben bela esa eta gia gil gus ian iga ion ira kim lia lis liv lou lya mia mio nia nik oda ole ott pia rai rea
    ria ron rui sid tea tia uri uta ute vi yan roberta mistral gemma llama claude siri cortana celeste darwin
    euler gauss newton kepler ampere turing volta hopper maxwell tesla hertz marian electra longformer flan
""".split()
"""Words of English, German, French and Spanish, of the trade and of the models it uses, that are names as well."""


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list, tuple, set)):
        for each in value:
            yield from _texts(each)


def _providers(package: ModuleType) -> Iterator[tuple[str, Any]]:
    """The languages that a package of Faker has providers for, with these."""
    for found in pkgutil.iter_modules(package.__path__):
        if found.ispkg:
            module = importlib.import_module(f"{package.__name__}.{found.name}")
            yield found.name.partition("_")[0], module.Provider


def _names(beginning: str) -> dict[str, set[str]]:
    """Folded word of a name → the languages that have it."""
    languages: dict[str, set[str]] = defaultdict(set)
    for language, provider in _providers(faker.providers.person):
        for attribute in dir(provider):
            if attribute.startswith(beginning) and not callable(getattr(provider, attribute)):
                for text in _texts(getattr(provider, attribute)):
                    for word in bare(text).split():
                        languages[word].add(language)
    return languages


def _words() -> set[str]:
    """The folded words of sentences, of professions and of colours."""
    found = set(ORDINARY)
    for package in (faker.providers.lorem, faker.providers.job, faker.providers.color):
        for _, provider in _providers(package):
            for value in vars(provider).values():
                found.update(word for text in _texts(value) for word in bare(text).split())
    return found


def main() -> None:
    """Print the list."""
    first, last = _names("first_name"), _names("last_name")
    everywhere = {word for word in {**first, **last} if len(first[word] | last[word]) >= KNOWN_EVERYWHERE}
    ordinary = {*ORDINARY, *(_words() - everywhere)}
    spaced = {word for word in first.keys() | last.keys() if not UNSPACED_NAME.fullmatch(word)}
    kept = {word for word in spaced if len(word) > 2 and word not in PARTICLES}
    sections = {
        "popular": {word for word in kept & first.keys() - ordinary if len(first[word]) >= POPULAR},
        "first": {word for word in kept & first.keys() - ordinary if len(first[word]) < POPULAR},
        "last": kept & last.keys() - ordinary - first.keys(),
        "unspaced first": first.keys() - spaced,
        "unspaced last": last.keys() - spaced,
    }
    print(
        f"# Words of names, folded, from the lists of Faker {faker.VERSION} (MIT, see LICENSE); make_names.py made it"
    )
    for title, words in sections.items():
        print(f"\n[{title}]\n" + "\n".join(sorted(words)))


if __name__ == "__main__":
    sys.exit(main())
