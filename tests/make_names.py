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
    abbey aber able ace acht ada add age agent aid aim aime ala alba alegria alen alert alexa alfa ali alla alma
    alpha alter alto amado amber amen amor amour ampere ana andere ane ange angel angeles ann apple april arc
    arch archer ari aria ark arm art arta asa ash asia aspen aube auch august aura aurora austin autumn avid
    avril axe bach bad bail baker band bank banks bar bard bare barn baron basic bass bay beam bean bear beat
    beau beck becker bee beer beide bela bell bella belle bello ben berg berlin bernd berry bert best beta beth
    bijou bill bin bird bishop black blanc blanca blanche blanco blank block blue blume bo bob bois bold bolt
    bon bond bonheur bonn bonne book booker borland born boston boulanger bow bowl box boy branch brand braun
    bravo bread breit brick bride bridge bright brook brown bruder brun brunnen buck bud bueno burg burn bush
    butler button cabello cable calle camino camp campo can candy canon cap car card care carry carter casa case
    cash cast castillo castle cat ceil celeste chad chain chance chandler chanson chapel char charge charity
    chart chase chasse chateau check chip christian church ciel cielo city claim clair clark claro claude clay
    clear clem clement clerk cliff clip close cloud coal coast code cole colt come con conde constant cook cool
    copper coral core corn cortana corte cotton council count cour court cove cox craft crane creed crew crisp
    cross crow crown cruz crystal cuba cuda cue cuesta curry curtis cut daisy dale dan dane danish dank darwin
    dash data date dawn day dean decker dee deep dell delta dem den dennis der desire dev dia dial diamond dick
    dieu dieudonne dim dior dirk dixie doc dock doe dolly dom dome don dorn dot doux dove dower drake draw drew
    droit duis duke dulce dusty dutch eagle earl early east easter echo eda eden edge edit ego eiche eis elder
    electra elf eli elif elite elle elm else emerald emit encarnacion end ende ene engel era erde eri erich
    ernst ernte esa esel esperanza essai estrella eta etoile euler eva eve even event ever fair fairy faith fall
    fan fancy far farm farmer fast favor fay fear fee felt ferme fern fest feuer field fielding fields fig fin
    finn fire fisch fish fit flag flan fleck fleet fleur flint flor flora flores flow flower fold font fontaine
    forest foret fort fortune fox frame franc france frank free frei freitag french freud freude freund friede
    frieden friend frost fry fuchs fuente fuentes full gal gala gale game gap garden garten gas gast gate gauss
    gay geist gelb gem gemma general genie georgian german gern gia gift gig gil glas glaser glen gold golden
    good gore goto gott grace graf grain gram grand grant gras grass grau gray green grey grid griffin gris
    gross group grove guard guerra guide gun gus gut guy haar hahn hale hall ham hammer hand handy happy harbor
    hard harm harmony harp hart harvest hase haskell haupt have haven hawk hay hazel head heart heat heath
    heaven heck held hell hen hence herb herbst hero herr hertz herz hide high hill himmel hint hirsch hoch hof
    holder holiday hollow holz hombre home honey honig honor hood hook hope hopper horn horst hose hot house hub
    hue hull hung hunt hunter hurt ian ice ida idris iga iglesia ima imam ina india ink inn ion ira iris iron
    isa island ita ivory ivy jack jade jager jahr jan january jar jardin java jay jazz jean jerk jet jewel job
    join jolie jolly jour joy judge jun june jung junior junk jury just juste justice kai kaiser kalt kay keen
    keep kelvin ken kepler kern key kid kim kin kind king kirche kit klar klein knight koch konig kopf korn
    kraft kranz krieg kron kurz kuss lac lace lad lady lake lam lamb lance land lane lang lange large lark last
    late laurel laut lavande lavender law layer lea leaf lean leben lee leer left legrand len lens leo leon
    leroux less levy lex lia libertad liberty libre licht lie lieb liebe light lily limit lin linde linden line
    link lion lis list little liv llama lob lock lodge log logan lon long longformer loop lord los lot lotus lou
    loup love low lower loyal luc luck lucky luft lumiere luna lune lung lust lux luz lya lynx mac macht macs
    mad made magic mai main maine maj major make mako male mali man mann many maple mar marble march marche mare
    marian marin marine mark marks markt mars marsh marshall mason mass master mat mata mate math mats mauer
    maurer max maxima maxwell may mayo mayor meadow mean meda media medina meer meister melody memory mensch mer
    mercado merci mercury mercy mere merit merle merry meta metro mia mid midi mil milagros milch mile miles
    mill miller mina mind mini minor mint mio mira miracle miss mist mistral misty mode model mohr mole monaco
    mond money mono mont montana moon moor moore mora morgen morning moss most moulin mount much mundo music mut
    mutter nacht nada nagel nan nana nase nature naval neat neige neo net neu neue never new newton nia nice
    nieves night nik nil noble noche noel nor nord norm norma normal norte north not note nova nuit number oak
    ocean octave octavia oda odd oder odin off ohne ole oliva olive ona opal ora oral orange oscar ost ott over
    pace page pages pain paint pair paix palm paloma pan panda panel paper par parfait paris parish park parker
    part pascal pass pat patch patience patient paz peace peach peak pearl peer pen penny pepper per perfecto
    perry pet petal petit pfeil pia piano pierce pike pilar pin pine pink pino piper pitt pixel plain plan plat
    plaza plum poe point pol pole polly pont pool poor pop pope poppy porte porter post pound power powers
    pracht prado prairie pratt precious prentice press price pride prime primero primo prince princess printemps
    prior promise proof prosper provost prudence prudent prune puente pure quartz queen quest quick quiet rai
    rain rainbow ram ramos ran rand randy range ranger rank rat ray rea reach read reader real reason rebel
    recht record red reed reef reese regal reich reine reise reiter rem remember remy renders rest rex rey reyes
    ria rich richter rico ride ridge right ring rio rios rise risk ritter rive river rob roberta robin roche
    rock rocky rod roi rojo roman rome ron root roots rosa rosado rose rosemary ross rot rouge round rout roux
    row roy royal ruby ruhe rui rule run rush russ rusty rye sable sage said sail sailor saint sale salt salud
    salvador salz sam sample san sana sand sandy santa santo santos sapphire sasa saturn sauer sauvage savanna
    savannah sawyer say scarlet schade schal schatz schiff schlag schmidt schmied schnee schneider schon
    schreiber schuh schule schulze schuster schwan schwarz scott scout sea sean season see sein seine sel self
    selig sell selma sep sept sergeant serrano set sever shade shah shall sharp shaw shell shepherd shore short
    show shy sid side sierra sign silver simple sin sine singer single singleton siri siv skip sky slack sloan
    slovak small smart snow socorro sol solange sole soledad soleil sommer son song sonne sonntag sonny soul
    sound south spa spark speed spencer spiegel spring spruce squire stack stadt stage stan star stark start
    state steiger stein stella step sterling stern steward stock stone storm stout stream street strong sturm
    such sud sue sugar suits summer sun sunday sunny sunshine swan swift sword sys tab tack tad tag tal talent
    talon tan tank tanner task tat tate taube tax taylor tea teal ted tell temple tender tera term terra terre
    tesla test than thea theta thi thor thorn thy tia tide tie tier tiger tile tim time tin tina tisch titan tod
    toe ton tone tool top tor torch torn torre torres tot tour tower town toy track trade trail train travel
    treat tree trend treu trey trinidad trinity trip troy true truth tuch tucker tune turing turk turn turner
    twin ty uhr ulla una unger union unique unit unknown unnamed unter urban uri usa uta ute vala vale valentine
    valid valle valley value van vance vega velvet venice vent venus verger verity vert vi vic victor vida vie
    vigne villa ville viola violet virgen virgin vision vista vita vito vivien vogel vogt voll volta von vor
    vrai wade wagner wait wald walk walker wall ward ware warm warner water watt watts wave way web weber weg
    wein weis weise weiss wells welt west wheat wheeler whistler white wild will willow win wind winkel winner
    winter wire wirt wise wish wohl wolf wolfe wolke wonder wood woods woody word work wort worth wren wright
    wunder yan yard yates year young yule zen zero zeta zimmer zimmermann zion zorn zucker zweig
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
        "popular": {word for word in kept - ordinary if len(first[word]) >= POPULAR},
        "listed": {word for word in kept - ordinary if len(first[word]) < POPULAR},
        "unspaced": (first.keys() | last.keys()) - spaced,
        "unspaced last": last.keys() - spaced,
    }
    print(
        f"# Words of names, folded, from the lists of Faker {faker.VERSION} (MIT, see LICENSE); make_names.py made it"
    )
    for title, words in sections.items():
        print(f"\n[{title}]\n" + "\n".join(sorted(words)))


if __name__ == "__main__":
    sys.exit(main())
