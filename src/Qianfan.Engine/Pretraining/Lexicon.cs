namespace Qianfan.Engine.Pretraining;

/// <summary>English words and plain facts that the corpus is made of. All written for this project.</summary>
internal static class Lexicon
{
    public static readonly string[] Names = Words("Anna Ben Clara David Emma Felix Grace Henry Iris Jack Kate Leo Mia Noah Olivia Paul Rosa Sam Tina Victor Wendy Amir Bella Carlos Daisy Elena Finn Gina Hugo Ivan Julia Karim Lily Max Nora Oscar Petra Ravi Sara Tom Uma Zoe Mei Lin Wei Jun Yuki Omar");

    public static readonly (string Young, string Name, string Sound, string Home, string Food)[] Animals =
    [
        ("puppy", "dog", "barks", "kennel", "bones"), ("kitten", "cat", "meows", "house", "fish"), ("calf", "cow", "moos", "barn", "grass"), ("lamb", "sheep", "bleats", "field", "grass"),
        ("foal", "horse", "neighs", "stable", "hay"), ("chick", "hen", "clucks", "coop", "seeds"), ("duckling", "duck", "quacks", "pond", "plants"), ("cub", "bear", "growls", "cave", "honey"),
        ("cub", "lion", "roars", "grassland", "meat"), ("kid", "goat", "bleats", "farm", "leaves"), ("piglet", "pig", "grunts", "sty", "corn"), ("tadpole", "frog", "croaks", "pond", "insects"),
        ("owlet", "owl", "hoots", "tree", "mice"), ("cub", "fox", "yelps", "den", "rabbits"), ("pup", "wolf", "howls", "den", "deer"), ("calf", "elephant", "trumpets", "savanna", "leaves"),
        ("joey", "kangaroo", "clicks", "bush", "grass"), ("gosling", "goose", "honks", "lake", "grass"), ("fawn", "deer", "grunts", "forest", "leaves"), ("pup", "mouse", "squeaks", "hole", "cheese"),
        ("kit", "rabbit", "thumps", "burrow", "carrots"), ("infant", "monkey", "chatters", "jungle", "bananas"), ("larva", "bee", "buzzes", "hive", "nectar"), ("nestling", "crow", "caws", "nest", "seeds"),
        ("hatchling", "turtle", "hisses", "shore", "plants"), ("calf", "whale", "sings", "ocean", "small fish"), ("chick", "penguin", "squawks", "ice", "fish"), ("cub", "tiger", "roars", "jungle", "meat"),
    ];

    public static readonly string[] Objects = Words("ball book lamp cup box key hat bag coat boat drum bell clock kite chair table pencil letter basket bottle candle mirror ladder blanket umbrella bicycle camera guitar puzzle ring map coin rope spoon hammer bucket ticket shell button flag piano robot rocket train truck wheel window door garden bridge tower stone feather painting notebook brush scarf glove pillow");

    public static readonly string[] Foods = Words("apple bread cake carrot cheese cherry corn egg grape honey lemon mango melon milk noodle nut onion orange pancake peach pear pepper pie plum potato rice salad sandwich soup strawberry tea tomato");

    /// <summary>Foods of which one has some.</summary>
    public static readonly string[] Meals = Words("bread cake cheese corn honey milk noodles rice salad soup tea pancakes apples cherries grapes strawberries eggs carrots nuts");

    public static readonly string[] Adjectives = Words("big small happy sad old young brave clever kind quiet loud fast slow bright dark warm cold soft hard strong weak tall short clean dirty new rich poor gentle funny hungry thirsty tired lazy busy curious careful shy proud honest wise tiny huge round shiny wooden golden silver heavy light empty full beautiful strange simple useful");

    public static readonly string[] Colors = Words("red blue green yellow white black brown orange purple pink grey");

    public static readonly string[] Places = ["park", "forest", "river", "school", "market", "beach", "village", "city", "kitchen", "library", "farm", "mountain", "lake", "station", "museum", "hospital", "bakery", "office", "island", "castle", "garden", "harbour", "theatre", "airport", "playground", "workshop"];

    public static readonly (string Job, string Does)[] Jobs =
    [
        ("doctor", "helps sick people"), ("teacher", "teaches students"), ("farmer", "grows food"), ("baker", "bakes bread"), ("pilot", "flies planes"), ("driver", "drives a car or a bus"), ("cook", "prepares meals"),
        ("writer", "writes books"), ("painter", "paints pictures"), ("nurse", "cares for patients"), ("singer", "sings songs"), ("builder", "builds houses"), ("fisherman", "catches fish"), ("gardener", "looks after plants"),
        ("librarian", "looks after books"), ("engineer", "designs machines"), ("programmer", "writes software"), ("judge", "decides in court"), ("dentist", "looks after teeth"), ("tailor", "makes clothes"), ("carpenter", "works with wood"),
        ("firefighter", "puts out fires"), ("astronomer", "studies the stars"), ("chemist", "studies substances"), ("manager", "leads a team"), ("salesperson", "sells things"),
    ];

    public static readonly (string Present, string Past, string Third)[] Verbs =
    [
        ("walk", "walked", "walks"), ("run", "ran", "runs"), ("jump", "jumped", "jumps"), ("sing", "sang", "sings"), ("dance", "danced", "dances"), ("swim", "swam", "swims"), ("read", "read", "reads"), ("write", "wrote", "writes"),
        ("eat", "ate", "eats"), ("drink", "drank", "drinks"), ("sleep", "slept", "sleeps"), ("play", "played", "plays"), ("laugh", "laughed", "laughs"), ("cry", "cried", "cries"), ("think", "thought", "thinks"), ("look", "looked", "looks"),
        ("find", "found", "finds"), ("give", "gave", "gives"), ("take", "took", "takes"), ("make", "made", "makes"), ("see", "saw", "sees"), ("hear", "heard", "hears"), ("build", "built", "builds"), ("buy", "bought", "buys"),
        ("sell", "sold", "sells"), ("bring", "brought", "brings"), ("catch", "caught", "catches"), ("climb", "climbed", "climbs"), ("open", "opened", "opens"), ("close", "closed", "closes"), ("learn", "learned", "learns"), ("teach", "taught", "teaches"),
        ("speak", "spoke", "speaks"), ("listen", "listened", "listens"), ("wait", "waited", "waits"), ("work", "worked", "works"), ("help", "helped", "helps"), ("go", "went", "goes"), ("come", "came", "comes"), ("know", "knew", "knows"),
        ("fly", "flew", "flies"), ("draw", "drew", "draws"), ("drive", "drove", "drives"), ("grow", "grew", "grows"), ("begin", "began", "begins"), ("break", "broke", "breaks"), ("choose", "chose", "chooses"), ("forget", "forgot", "forgets"),
    ];

    public static readonly (string One, string Other)[] Opposites =
    [
        ("big", "small"), ("hot", "cold"), ("happy", "sad"), ("fast", "slow"), ("up", "down"), ("day", "night"), ("open", "closed"), ("old", "new"), ("rich", "poor"), ("strong", "weak"), ("light", "dark"), ("full", "empty"),
        ("hard", "soft"), ("wet", "dry"), ("clean", "dirty"), ("tall", "short"), ("early", "late"), ("near", "far"), ("inside", "outside"), ("left", "right"), ("loud", "quiet"), ("thick", "thin"), ("wide", "narrow"), ("deep", "shallow"),
        ("brave", "afraid"), ("win", "lose"), ("buy", "sell"), ("give", "take"), ("start", "finish"), ("true", "false"), ("always", "never"), ("first", "last"), ("push", "pull"), ("laugh", "cry"), ("love", "hate"), ("above", "below"),
        ("heavy", "light"), ("cheap", "expensive"), ("easy", "difficult"), ("same", "different"), ("begin", "end"), ("arrive", "leave"), ("remember", "forget"), ("success", "failure"), ("public", "private"), ("increase", "decrease"),
    ];

    public static readonly (string One, string Many)[] Plurals =
    [
        ("child", "children"), ("man", "men"), ("woman", "women"), ("foot", "feet"), ("tooth", "teeth"), ("mouse", "mice"), ("goose", "geese"), ("person", "people"), ("leaf", "leaves"), ("wolf", "wolves"), ("knife", "knives"),
        ("city", "cities"), ("baby", "babies"), ("story", "stories"), ("box", "boxes"), ("bus", "buses"), ("dish", "dishes"), ("watch", "watches"), ("potato", "potatoes"), ("sheep", "sheep"), ("fish", "fish"), ("book", "books"), ("dog", "dogs"), ("key", "keys"),
    ];

    public static readonly (string Country, string Capital, string Language, string Continent)[] Countries =
    [
        ("China", "Beijing", "Chinese", "Asia"), ("Japan", "Tokyo", "Japanese", "Asia"), ("France", "Paris", "French", "Europe"), ("Germany", "Berlin", "German", "Europe"), ("Italy", "Rome", "Italian", "Europe"), ("Spain", "Madrid", "Spanish", "Europe"),
        ("Portugal", "Lisbon", "Portuguese", "Europe"), ("Greece", "Athens", "Greek", "Europe"), ("Poland", "Warsaw", "Polish", "Europe"), ("Sweden", "Stockholm", "Swedish", "Europe"), ("Norway", "Oslo", "Norwegian", "Europe"), ("Finland", "Helsinki", "Finnish", "Europe"),
        ("Denmark", "Copenhagen", "Danish", "Europe"), ("Hungary", "Budapest", "Hungarian", "Europe"), ("Turkey", "Ankara", "Turkish", "Asia"), ("Egypt", "Cairo", "Arabic", "Africa"), ("Kenya", "Nairobi", "Swahili", "Africa"), ("Brazil", "Brasilia", "Portuguese", "South America"),
        ("Argentina", "Buenos Aires", "Spanish", "South America"), ("Chile", "Santiago", "Spanish", "South America"), ("Peru", "Lima", "Spanish", "South America"), ("Mexico", "Mexico City", "Spanish", "North America"), ("Canada", "Ottawa", "English", "North America"),
        ("Australia", "Canberra", "English", "Australia"), ("Thailand", "Bangkok", "Thai", "Asia"), ("Vietnam", "Hanoi", "Vietnamese", "Asia"), ("South Korea", "Seoul", "Korean", "Asia"), ("Ireland", "Dublin", "English", "Europe"), ("Austria", "Vienna", "German", "Europe"), ("Russia", "Moscow", "Russian", "Europe"),
    ];

    public static readonly (string Thing, string Color)[] ThingColors =
    [
        ("the sky", "blue"), ("grass", "green"), ("snow", "white"), ("coal", "black"), ("a ripe banana", "yellow"), ("blood", "red"), ("a carrot", "orange"), ("milk", "white"), ("chocolate", "brown"), ("a lemon", "yellow"), ("a ripe tomato", "red"), ("the sun", "yellow"), ("a leaf in summer", "green"), ("the sea", "blue"), ("an elephant", "grey"), ("a flamingo", "pink"),
    ];

    public static readonly (string Question, string Answer)[] Facts =
    [
        ("How many days are in a week?", "There are seven days in a week."), ("How many months are in a year?", "There are twelve months in a year."), ("How many hours are in a day?", "There are 24 hours in a day."), ("How many minutes are in an hour?", "There are 60 minutes in an hour."),
        ("How many legs does a spider have?", "A spider has eight legs."), ("How many legs does an insect have?", "An insect has six legs."), ("How many wheels does a bicycle have?", "A bicycle has two wheels."), ("How many sides does a triangle have?", "A triangle has three sides."),
        ("How many sides does a square have?", "A square has four equal sides."), ("What is frozen water called?", "Frozen water is called ice."), ("What do bees make?", "Bees make honey."), ("What do plants need to grow?", "Plants need water, light and air to grow."),
        ("Why do we sleep?", "We sleep so that our body and mind can rest."), ("What is the sun?", "The sun is a star that gives us light and warmth."), ("What is the moon?", "The moon is a ball of rock that travels around the Earth."), ("What falls from clouds?", "Rain and snow fall from clouds."),
        ("What do we use to cut paper?", "We use scissors to cut paper."), ("What do we use to tell the time?", "We use a clock or a watch to tell the time."), ("Where do fish live?", "Fish live in water."), ("What is the largest ocean?", "The Pacific Ocean is the largest ocean."),
        ("What is the largest animal?", "The blue whale is the largest animal."), ("What is the fastest land animal?", "The cheetah is the fastest land animal."), ("What is a computer?", "A computer is a machine that follows instructions and works with data."),
        ("What is a library?", "A library is a place where you can read and borrow books."), ("What is rain?", "Rain is water that falls from clouds in drops."), ("What is a friend?", "A friend is a person whom you like and trust."), ("What is a language model?", "A language model is a program that predicts the next word of a text."),
        ("What is fine-tuning?", "Fine-tuning means training a model further on examples of your own."), ("What is a dataset?", "A dataset is a collection of examples."), ("Why is the sky blue?", "The air scatters blue light more than red light."), ("What comes after Monday?", "Tuesday comes after Monday."),
        ("What is bread made of?", "Bread is made of flour, water, salt and yeast."), ("What is ice cream?", "Ice cream is a sweet and cold food made of milk."), ("Who wrote this story?", "I made it up."), ("What is a map?", "A map is a drawing that shows where places are."), ("What season comes after winter?", "Spring comes after winter."),
    ];

    public static readonly string[] Numbers = Words("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty");
    public static readonly string[] Days = Words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday");
    public static readonly string[] Months = Words("January February March April May June July August September October November December");
    public static readonly string[] Companies = ["Blue Lantern", "Silver Oak", "Green Harbour", "Bright Path", "North Star", "Red Maple", "Clear Water", "Golden Gate", "White Cloud", "River Stone", "Morning Light", "Happy Home", "Cedar Hill", "Open Road", "Swift Fox", "Lotus", "Acme", "Sunrise", "Harmony", "Pioneer"];
    public static readonly string[] Products = ["phone", "laptop", "coffee machine", "printer", "washing machine", "desk lamp", "water bottle", "backpack", "keyboard", "monitor", "tablet", "watch", "vacuum cleaner", "camera", "bicycle", "jacket", "subscription", "gift card", "office chair"];

    /// <summary>More common words, so that the vocabulary knows them: they appear in tasks that treat words as words.</summary>
    public static readonly string[] More = Words("""
        ability able about above accept access account across action activity actual address adult advice afternoon again against agency agree allow almost alone along already also although amount analysis ancient angle animal annual another answer anybody apartment appear
        application apply approach approve area argue around arrange article artist aspect assist assume attach attack attempt attend attention author available average avoid award aware balance bank base battery battle because become before behavior behind believe benefit beside better
        between beyond bill blood board body border borrow both bottom brain branch brand brief brother browser budget business calculate calendar call campaign cancel candidate capacity capital capture career carry cause celebrate cell center central century certain certificate chance change channel
        chapter character charge check chief choice circle citizen civil claim class clear click client climate clinic coach code collect college combine comfort command comment commercial common community company compare compete complete computer concept concern condition conference confirm connect consider
        consumer contact contain content contract control cookie cool copy corner correct cost could count country couple courage course court cover create credit crime culture current customer customize damage danger data database date daughter deal debate decade decision default defend degree delay delete deliver delivery demand
        department depend describe desert design desire detail determine develop device diet digital dinner direct direction director disaster discount discover discuss disease display distance district document dollar domain double doubt download dream dress during duty each economy edge edit education effect effort either elect electric element email
        emergency employee employer enable energy engine enjoy enough ensure enter entire environment equal equipment error escape especially establish estimate even evening event every evidence exact example except exchange exercise exist expect experience expert explain express extend extra family famous father fault favor feature fee feel field fight figure file
        final finance fine finger fire firm fit fix floor flow flower focus follow food force foreign forest form format forward found frame free freedom frequent fresh friend front fuel function fund further future game gas general generate glass global goal govern grant great ground group guarantee guard guess guest guide habit half hand handle happen head
        health heart heat height hello hero hide history hobby holiday hope hotel hour however human idea identify image imagine impact import important improve include income index individual industry inform information install instead institute insurance interest internet interview invest invite invoice issue item job join journey judge keep kitchen knowledge label labor
        land language large launch law lawyer layer lead leader legal less lesson level license life limit line link list little local location lock login logic machine mail main maintain major majority manage manual manufacturer market master match material matter maximum maybe measure media medical medicine meet meeting member memory mention menu message method middle
        might military million mind minimum minister minor minute miss mission mistake mobile model modern moment money monitor month moral morning mother motion motor mouth move movie museum music must nation nature necessary need network news next nice noise normal north note nothing notice number object observe obtain obvious occur offer office officer often online operate
        operation opinion option order organize original other output own owner package page pain paper parent part partner party pass password past path patient pattern pay payment peace percent perfect perform perhaps period permit phone photo phrase physical picture piece pilot place plan plant plastic plate player please point police policy popular position possible post power practice
        prefer prepare present president press pressure pretty prevent price print privacy problem process produce product profile profit program project promise proper property protect protocol prove provide purchase purpose quality quarter question queue quick quite radio raise range rate rather reach react ready real reason receipt receive recent recipe recommend record recover reduce
        refer refund region register regular relate release reliable remain remote remove rent repair repeat replace reply report request require research reserve reset resource respond rest restaurant result return review reward right risk road role roof room root rule safe safety salary sample save scale schedule science score screen search season second secret section secure security select
        send senior sense separate series serious serve server service session setting several share shelf ship shipping shop should show shut side sign signal similar since single sister site situation size skill skin smart smile social society software soldier solid solution some someone song soon sort sound source south space speak special specific speed spend sport spring staff stage standard star
        start state station status stay step still stock stop storage store storm story straight street stress string structure student study style subject submit success such sudden suggest suit summer supply support sure surface survey switch symbol system table target task team technology telephone television temperature term test text thank theory there thing though thousand ticket today together tomorrow
        tonight tool total touch tour toward town track trade traffic train transfer travel treat tree trial trip trouble trust try turn type under understand union unit universe university until update upgrade upload urgent user usual vacation valid value variety various vehicle version video view village violence visit visitor voice volume vote wait wall want warning warranty waste water weather website week
        weekend weight welcome well west what whatever when where whether which while whole window winter wire within without wonder word workday world worry worth would wrong year yellow yesterday yet yield young your zone
        """);

    private static string[] Words(string text) => text.Split((char[])[' ', '\n', '\r', '\t'], StringSplitOptions.RemoveEmptyEntries);
}
