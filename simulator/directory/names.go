package directory

// language is where a person's name is from. Names are pairs: as they are
// written, and as they stand in a user name. A name that is its own user name
// once it is in lower case stands alone.
type language struct {
	share       int // of a thousand people
	first, last []string
}

// languages are the languages of a generated company.
var languages = []language{
	{
		420,
		[]string{
			"Anna", "Ben", "Carl", "Dora", "Emma", "Frank", "Grace", "Henry", "Ida", "Jack", "Kate",
			"Liam", "Mary", "Noah", "Olivia", "Paul",
			"Rose", "Sam", "Tom", "Violet", "Will", "Zoe", "Alice", "David", "Ella", "George",
			"Hannah", "Ian", "Julia", "Kevin", "Lucy", "Mark",
		},
		[]string{
			"Smith", "Jones", "Taylor", "Brown", "Davies", "Wilson", "Evans", "Walker", "Wright",
			"Hill", "Green", "Baker", "Cooper", "Ward", "Bell",
			"Carter", "Parker", "Price", "Reed", "Stone", "O'Brien=o'brien", "O'Hara=o'hara",
			"D'Angelo=d'angelo", "Smith-Jones", "Clark", "Lewis", "Young",
			"King", "Scott", "Adams", "Hall", "Cook", "Gray", "Fox", "Lane", "Moore", "Nash",
			"Webb", "York",
		},
	},
	{
		200,
		[]string{
			"Jürgen=jurgen", "Zoë=zoe", "François=francois", "Iñaki=inaki", "Núria=nuria",
			"Šárka=sarka", "Łukasz=lukasz", "Søren=soren", "Åsa=asa",
			"Gülşen=gulsen", "Chloé=chloe", "José=jose", "Björn=bjorn", "Agnès=agnes",
			"Ştefan=stefan", "Dvořák=dvorak", "Mária=maria", "Joao=joao", "Élise=elise",
		},
		[]string{
			"García=garcia", "Núñez=nunez", "Müller=muller", "Groß=gross", "Björnsson=bjornsson",
			"Nguyễn=nguyen", "Yılmaz=yilmaz", "Szabó=szabo", "Novák=novak",
			"Kowalczyk", "Sørensen=sorensen", "Ionescu", "Ferrari", "Virtanen", "Lefèvre=lefevre",
			"van der Berg=vanderberg", "de la Cruz=delacruz", "Þórsson=thorsson",
		},
	},
	{
		90,
		[]string{"Анна=anna", "Иван=ivan", "Ольга=olga", "Сергей=sergey", "Юлия=yulia"},
		[]string{
			"Иванов=ivanov", "Петрова=petrova", "Шевченко=shevchenko", "Кузнецов=kuznetsov",
			"Ющенко=yushchenko",
		},
	},
	{
		40,
		[]string{"Ελένη=eleni", "Γιώργος=giorgos", "Μαρία=maria"},
		[]string{"Παπαδόπουλος=papadopoulos", "Νικολάου=nikolaou", "Οικονόμου=oikonomou"},
	},
	{
		80,
		[]string{"伟=wei", "芳=fang", "娜=na", "秀英=xiuying", "敏=min"},
		[]string{"王=wang", "李=li", "张=zhang", "刘=liu", "欧阳=ouyang"},
	},
	{
		40,
		[]string{"陽菜=hina", "翔太=shota", "さくら=sakura"},
		[]string{"佐藤=sato", "鈴木=suzuki", "高橋=takahashi"},
	},
	{30, []string{"서연=seoyeon", "민준=minjun", "지우=jiwoo"}, []string{"김=kim", "이=lee", "박=park"}},
	{
		40,
		[]string{"محمد=mohammed", "فاطمة=fatima", "يوسف=yusuf"},
		[]string{"الحسن=alhasan", "النجار=alnajjar", "خليل=khalil"},
	},
	{20, []string{"נועה=noa", "יוסף=yosef"}, []string{"כהן=cohen", "לוי=levi"}},
	{
		40,
		[]string{"प्रिया=priya", "राहुल=rahul", "अनन्या=ananya"},
		[]string{"शर्मा=sharma", "पटेल=patel", "सिंह=singh"},
	},
}

// department is a part of a generated company.
type department struct {
	name   string
	titles []string // from the top down
}

// departments are those of a generated company.
var departments = []department{
	{
		"Engineering",
		[]string{
			"Head of Engineering", "Engineering Manager", "Principal Engineer", "Senior Engineer",
			"Engineer",
		},
	},
	{
		"Sales",
		[]string{
			"Head of Sales", "Regional Sales Manager", "Account Executive", "Sales Representative",
		},
	},
	{
		"Operations",
		[]string{"Head of Operations", "Operations Manager", "Operations Specialist", "Operator"},
	},
	{"Product", []string{"Head of Product", "Product Manager", "Product Owner", "Designer"}},
	{"IT", []string{"Head of IT", "IT Team Lead", "Systems Administrator", "Support Engineer"}},
	{
		"Marketing",
		[]string{"Head of Marketing", "Marketing Manager", "Content Editor", "Marketing Assistant"},
	},
	{"Finance", []string{"Head of Finance", "Controller", "Senior Accountant", "Accountant"}},
	{
		"Human Resources",
		[]string{"Head of Human Resources", "HR Business Partner", "Recruiter", "HR Assistant"},
	},
	{"Legal", []string{"General Counsel", "Senior Counsel", "Counsel", "Paralegal"}},
}
