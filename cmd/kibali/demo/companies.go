package demo

import (
	"fmt"
	"strings"

	"kibali/domain/account"
)

// company is one line of the demo data.
type company struct {
	name     string
	industry string
	person   string
	place    string // the address' last line
	street   string
	locale   string
	story    story
}

// slug is the company's name as it stands in its domain.
func (c company) slug() string {
	var kept strings.Builder
	for _, word := range strings.Fields(strings.ToLower(c.name)) {
		switch word {
		case "ltd", "limited", "plc", "co.", "&", "and", "the", "of", "group", "saccos", "trust":
			continue
		}
		for _, r := range word {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
				kept.WriteRune(r)
			}
		}
	}
	return kept.String()
}

// email is the address of the company's person; it is what tells one account
// of the demo data from another.
func (c company) email() string {
	first, _, _ := strings.Cut(strings.ToLower(c.person), " ")
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, first) + "@" + c.slug() + ".example"
}

// prefixes of mobile numbers of the networks.
var prefixes = []string{"0754", "0713", "0784", "0655", "0767", "0621", "0688", "0745"}

// application is what the company hands in; number is its place in the list.
func (c company) application(number int) account.Application {
	a := account.Application{
		Name: c.person, Email: c.email(), Phone: fmt.Sprintf("%s %03d %03d", prefixes[number%len(prefixes)], 100+number*7, 112+number*13),
		Locale: c.locale,
		Company: account.Company{
			Name: c.name, Industry: c.industry,
			RegistrationNumber: registrationNumber(c.industry, number),
			TIN:                fmt.Sprintf("1%02d-%03d-%03d", 10+number, (number*137+211)%1000, (number*389+57)%1000),
			Address:            c.street + "\n" + c.place,
		},
	}
	if number%3 != 2 {
		a.Company.Website = "https://www." + c.slug() + ".example"
	}
	return a
}

// registrationNumber looks as the registrar of the kind of organisation writes
// it: companies at BRELA, others at a ministry.
func registrationNumber(industry string, number int) string {
	switch industry {
	case account.IndustryNGO:
		return fmt.Sprintf("00NGO/R/%04d", 1180+number*31)
	case account.IndustryGovernment:
		return ""
	}
	return fmt.Sprintf("%09d", 131_442_705+number*1_170_413)
}

// companies is the demo data. A line's place decides its numbers: add at the
// end.
var companies = []company{
	{"Kariakoo Fresh Foods Ltd", "retail", "Rehema Kimaro", "Dar es Salaam", "Msimbazi Street, Kariakoo", "sw", shopkeeper},
	{"Mlimani Microfinance Ltd", "banking_finance", "Daniel Mwakyusa", "Dar es Salaam", "Sam Nujoma Road, Plot 14", "en", lender},
	{"Usambara Tea Growers Ltd", "agriculture", "Halima Shekilango", "Lushoto, Tanga", "P.O. Box 48", "sw", grower},
	{"Serengeti Horizon Safaris", "hospitality", "Emmanuel Laizer", "Arusha", "Sokoine Road 22", "en", active},
	{"Bahari Logistics Ltd", "transport", "Salma Abdallah", "Dar es Salaam", "Nelson Mandela Road, Kurasini", "en", carrier},
	{"Tumaini Health Centre", "health", "Dr Agnes Massawe", "Moshi, Kilimanjaro", "Rengua Road 7", "en", active},
	{"Nyota Learning Academy", "education", "Peter Chacha", "Mwanza", "Capri Point Road", "en", school},
	{"Zanzibar Spice Exports Ltd", "agriculture", "Khadija Omar", "Zanzibar City", "Malawi Road, Mlandege", "sw", grower},
	{"Jua Kali Solar Ltd", "energy", "Frank Sanga", "Iringa", "Uhuru Avenue 31", "en", active},
	{"Simba Wireless Solutions", "it_telecom", "Irene Mrema", "Dar es Salaam", "Ali Hassan Mwinyi Road 102", "en", provider},
	{"Dodoma Cement Works Ltd", "manufacturing", "Godfrey Masanja", "Dodoma", "Kizota Industrial Area", "en", active},
	{"Pwani Coastal FM", "media", "Amina Kombo", "Tanga", "Independence Avenue 5", "sw", active},
	{"Maji Safi Initiative", "ngo", "Joyce Mwita", "Musoma, Mara", "P.O. Box 310", "sw", active},
	{"Kigoma Lake Traders", "retail", "Hamisi Ruhinda", "Kigoma", "Lumumba Road", "sw", shopkeeper},
	{"Mbeya Highlands Coffee Ltd", "agriculture", "Lucy Mwaipopo", "Mbeya", "Lupa Way 18", "en", active},
	{"Twiga Courier Services Ltd", "transport", "Abel Shirima", "Dar es Salaam", "Shekilango Road, Sinza", "en", carrier},
	{"Uhuru SACCOS", "banking_finance", "Mwanaisha Juma", "Morogoro", "Boma Road 9", "sw", lender},
	{"Ruaha River Lodge", "hospitality", "Stephen Kihwele", "Iringa", "P.O. Box 742", "en", active},
	{"Mkombozi Pharmacy Ltd", "health", "Fatuma Hassan", "Dar es Salaam", "Uhuru Street 210, Ilala", "sw", active},
	{"Shinyanga Cotton Ginners Ltd", "manufacturing", "Paulo Masunga", "Shinyanga", "Old Station Road", "en", active},
	{"Elimu Bora Foundation", "ngo", "Sophia Ndosi", "Arusha", "Njiro Road, Block C", "en", activeAfterChanges},
	{"Kilombero Sugar Outgrowers", "agriculture", "Rashid Mhina", "Kidatu, Morogoro", "P.O. Box 55", "sw", activeAfterChanges},
	{"Chap Chap Delivery Ltd", "transport", "Brenda Kessy", "Dar es Salaam", "Bagamoyo Road, Mikocheni B", "en", activeAfterChanges},
	{"Tabora Honey Cooperative", "agriculture", "Mussa Kapaya", "Tabora", "Jamhuri Street 3", "sw", activeAfterRejection},
	{"Anga Data Centres Ltd", "it_telecom", "Nicholas Temba", "Dar es Salaam", "Haile Selassie Road 44", "en", activeAgain},
	{"Bagamoyo Municipal Water Office", "government", "Asha Mkwawa", "Bagamoyo, Pwani", "Council Road 1", "sw", activeAgain},

	{"Nuru Electronics Ltd", "retail", "Samuel Urio", "Dar es Salaam", "Samora Avenue 61", "en", awaitingDocuments},
	{"Songea Maize Millers", "manufacturing", "Veronica Komba", "Songea, Ruvuma", "Mahenge Street", "sw", awaitingDocuments},
	{"Pemba Clove Company", "agriculture", "Suleiman Faki", "Chake Chake, Pemba", "P.O. Box 102", "sw", awaitingDocuments},
	{"Ngorongoro View Hotel", "hospitality", "Naomi Ole Saitoti", "Karatu, Arusha", "P.O. Box 216", "en", awaitingDocuments},
	{"Mtandao Internet Cafe", "it_telecom", "Elia Mbwambo", "Same, Kilimanjaro", "Station Street 2", "en", awaitingDocuments},
	{"Haki Legal Aid Centre", "ngo", "Winfrida Magesa", "Mwanza", "Kenyatta Road 12", "en", awaitingDocuments},

	{"Mwenge Auto Spares Ltd", "retail", "Yusuf Kitwana", "Dar es Salaam", "Sam Nujoma Road, Mwenge", "sw", inReview},
	{"Tanga Sisal Estates Ltd", "agriculture", "Catherine Semboja", "Korogwe, Tanga", "Estate Road", "en", inReview},
	{"Faraja Maternity Home", "health", "Dr Martha Lema", "Singida", "Ukombozi Street 8", "en", inReview},
	{"Kilimo Smart Ltd", "it_telecom", "Ibrahim Ngoma", "Dodoma", "Nyerere Square, 2nd floor", "en", inReview},
	{"Ushindi Secondary School", "education", "Edward Mapunda", "Njombe", "P.O. Box 88", "sw", inReview},
	{"Rukwa Fish Traders", "retail", "Oliva Nzunda", "Sumbawanga, Rukwa", "Market Street 17", "sw", inReview},
	{"Umeme Vijijini Ltd", "energy", "Patrick Haule", "Lindi", "Kawawa Road 4", "en", inReview},
	{"Sauti ya Kusini Media", "media", "Rukia Chilumba", "Mtwara", "Aga Khan Road", "sw", inReview},
	{"Amani Bus Services Ltd", "transport", "Joseph Mallya", "Arusha", "Makao Mapya", "en", inReview},
	{"Babati Community Bank Plc", "banking_finance", "Flora Gidabuyoy", "Babati, Manyara", "Main Road 26", "en", inReview},

	{"Kanga na Vitenge Textiles", "manufacturing", "Mariam Said", "Dar es Salaam", "Uhuru Street 34", "sw", changesRequested},
	{"Victoria Freight Forwarders", "transport", "Dickson Magoti", "Mwanza", "Nyerere Road 71", "en", changesRequested},
	{"Afya Mkononi Ltd", "health", "Lilian Swai", "Dar es Salaam", "Kimweri Avenue, Msasani", "en", changesRequested},
	{"Geita Tools and Hardware", "retail", "Charles Bukwimba", "Geita", "Katoro Road", "sw", changesRequested},

	{"Haraka Loans", "banking_finance", "Tobias Nkya", "Dar es Salaam", "Lindi Street 9", "en", suspendedFraud},
	{"Mpya Betting Promotions", "media", "Kelvin Rweyemamu", "Dar es Salaam", "Mwai Kibaki Road 210", "en", suspendedPromoter},
	{"Coastal Cement Distributors", "retail", "Zuhura Mbonde", "Mtwara", "Port Road 3", "sw", suspendedUnpaid},
	{"Bulk Offers Tanzania", "other", "Gerald Minja", "Moshi, Kilimanjaro", "Market Street 40", "en", suspendedByRegulator},
	{"Kahama Mobile Money Agents", "banking_finance", "Ester Maganga", "Kahama, Shinyanga", "Isaka Road", "sw", suspendedUntil},

	{"Golden Chance Lotteries", "other", "Victor Assey", "Arusha", "Goliondoi Road 15", "en", rejectedNotEligible},
	{"Fast Cash Tanzania", "banking_finance", "Hadija Mfinanga", "Dar es Salaam", "Livingstone Street 28", "en", rejectedMismatch},
	{"Bukoba Fresh Fish", "retail", "Justus Kagaruki", "Bukoba, Kagera", "Jamhuri Road 6", "sw", rejectedUnreadable},
	{"Umoja Youth Group", "ngo", "Tatu Makame", "Zanzibar City", "Kikwajuni", "sw", rejectedMissing},
	{"Starlight Cinemas", "media", "Bernard Kisanga", "Dodoma", "Hatibu Road 2", "en", rejectedTwice},

	{"Makambako Timber Ltd", "manufacturing", "Anna Mgaya", "Makambako, Njombe", "Songea Road", "sw", closedActive},
	{"Selous Adventure Camps", "hospitality", "Richard Mbunda", "Utete, Pwani", "P.O. Box 19", "en", closedActive},
	{"Prime Ads SMS", "other", "Jackline Tarimo", "Dar es Salaam", "Morocco Square", "en", closedSuspended},
	{"Mafia Island Traders", "retail", "Omari Bakari", "Kilindoni, Mafia", "Harbour Road 1", "sw", closedRejected},
}

// Size is how many accounts the demo data has.
func Size() int { return len(companies) }

// KnownUser is the e-mail address of an active account.
func KnownUser() string { return companies[0].email() }
