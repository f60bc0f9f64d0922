package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/uuid"

	"kibali/domain/account"
)

var (
	firstNames = strings.Fields(`Asha Juma Neema Hamisi Zainabu Baraka Rehema Emmanuel Grace Said Fatuma John Mary Joseph
		Mwanaidi Peter Halima Ally Anna Rashid Upendo Salum Amina Godfrey Happiness Musa Khadija Frank Mariam Abdallah Esther
		Daudi Subira Elias Pendo Omari Joyce Ibrahim Tatu Samweli Lulu Hassan Furaha Michael Sikujua Yusuf Agnes Masanja Mwajuma
		Deogratias Zuhura Nassoro Consolata Kassim Editha Bakari Gloria Athumani Veronica Issa`)
	surnames = strings.Fields(`Mushi Mwakyusa Massawe Kimaro Shayo Lyimo Mollel Laizer Mwakalinga Mwambene Ngowi Temu Urio Swai Tarimo
		Mbwambo Msuya Mrema Kessy Minja Mosha Macha Kavishe Mwaipopo Mwasumbi Mwakasege Mwandambo Sanga Kihwele Mgaya Chaula Nyagawa
		Haule Komba Ngonyani Mapunda Nchimbi Luoga Mbilinyi Mhagama Kapinga Ndunguru Magesa Chacha Marwa Wambura Nyamhanga Mwita
		Matiku Makori Bukuku Rugemalira Kamugisha Rweyemamu Kagaruki Mutabazi Byabato Kahwa Muganyizi Tibaijuka Masanja Maganga
		Shija Bundala Lugembe Nkwabi Ng'wandu Makoye Salim Khamis Mzee Haji Suleiman Juma Bakari Omary Mohamed Said Abdallah
		Mbaraka Kitwana Mkumbo Mdee Zitto Kaijage Mgonja Mtui Kweka Malisa Nkya Lema Mallya Kileo Chuwa Silayo Mariki Assenga`)
	commonWords = strings.Fields(`Kilimo Biashara Bora Traders Investment Group General Supplies Safari Bahari Simba Twiga Tumaini
		Umoja Maendeleo Huduma Usafiri Ujenzi Afya Elimu Mazao Samaki Madini Nishati Teknolojia Mawasiliano Habari Soko Duka
		Kilimanjaro Serengeti Ngorongoro Zanzibar Mwanza Arusha Dodoma Mbeya Tanga Morogoro Iringa Kigoma Songea Mtwara Pwani`)
	forms = strings.Fields(`Ltd Ltd Ltd Ltd Ltd Ltd Limited Limited Company Enterprises Cooperative`)
)

// population makes accounts that look like a bulk SMS platform's: some words are in
// every other name, most in a few.
type population struct {
	rng     *rand.Rand
	words   *rand.Zipf
	begin   time.Time
	end     time.Time
	size    int
	already int
}

// rareWords is how many company words there are beside the common ones.
const rareWords = 30_000

func newPopulation(size int, end time.Time) *population {
	rng := rand.New(rand.NewPCG(20, 26)) //nolint:gosec // people made up, the same each time
	return &population{
		rng: rng, words: rand.NewZipf(rng, 1.15, 4, uint64(rareWords+len(commonWords)-1)),
		begin: end.AddDate(-3, 0, 0), end: end, size: size,
	}
}

// next makes the next account, in the order of registration.
func (p *population) next() account.Account {
	i := p.already
	p.already++
	registered := p.begin.Add(time.Duration(float64(p.end.Sub(p.begin)) * (float64(i) + p.rng.Float64()) / float64(p.size))).Truncate(time.Microsecond)
	first, last := pick(p.rng, firstNames), pick(p.rng, surnames)
	company := p.company()
	a := account.Account{
		ID: p.id(registered), Name: first + " " + last, Email: p.email(i, first, last, company), Phone: phone(i), Locale: pick(p.rng, []string{"en", "sw", "sw"}),
		Company:      account.Company{Name: company, Industry: pick(p.rng, account.Industries()), TIN: fmt.Sprintf("%09d", p.rng.IntN(1e9))},
		RegisteredAt: registered,
	}
	a.Status, a.Stage = p.state(i)
	a.StageSince = registered.Add(time.Duration(p.rng.IntN(72)) * time.Hour)
	if a.Status != account.Pending && p.rng.IntN(20) > 0 {
		ago := time.Duration(p.rng.ExpFloat64() * float64(30*24*time.Hour))
		a.LastActiveAt = later(registered, p.end.Add(-ago)).Truncate(time.Microsecond)
	}
	if a.Status != account.Pending && p.rng.IntN(10) < 7 {
		a.Credits = int64(math.Exp(p.rng.NormFloat64()*2 + 6))
	}
	return a
}

func pick[T any](rng *rand.Rand, of []T) T { return of[rng.IntN(len(of))] }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// state is pending mostly for those who came last.
func (p *population) state(i int) (account.Status, account.Stage) {
	recent := float64(i) / float64(p.size)
	switch n := p.rng.Float64(); {
	case n < 0.02+0.04*recent*recent*1.5:
		return account.Pending, pick(p.rng, []account.Stage{account.AwaitingDocuments, account.InReview, account.InReview, account.ChangesRequested})
	case n < 0.08:
		return account.Suspended, account.NoStage
	case n < 0.13:
		return account.Rejected, account.NoStage
	case n < 0.15:
		return account.Closed, account.NoStage
	}
	return account.Active, account.NoStage
}

// id is a UUIDv7 of the instant.
func (p *population) id(at time.Time) uuid.UUID {
	var id uuid.UUID
	ms := uint64(at.UnixMilli())
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	for i := 6; i < 16; i++ {
		id[i] = byte(p.rng.Uint32())
	}
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80
	return id
}

// phone is a mobile number of Tanzania that no other account has.
func phone(i int) string {
	scattered := i * 36_478_793 % 100_000_000
	prefixes := []string{"71", "74", "75", "76", "78", "65", "68", "62", "67", "69"}
	return fmt.Sprintf("+255%s%07d", prefixes[scattered/10_000_000], scattered%10_000_000)
}

func (p *population) company() string {
	words := []string{p.word()}
	for p.rng.IntN(3) > 0 && len(words) < 3 {
		words = append(words, p.word())
	}
	return strings.Join(append(words, pick(p.rng, forms)), " ")
}

func (p *population) word() string {
	n := int(p.words.Uint64())
	if n < len(commonWords) {
		return commonWords[n]
	}
	return rareWord(n)
}

// rareWord spells a number in syllables.
func rareWord(n int) string {
	const consonants, vowels = "bdfghjklmnprstvwyz", "aeiou"
	var b strings.Builder
	for n = n*7919 + 104_729; n > 0; n /= len(consonants) * len(vowels) {
		syllable := n % (len(consonants) * len(vowels))
		b.WriteByte(consonants[syllable%len(consonants)])
		b.WriteByte(vowels[syllable/len(consonants)])
	}
	s := b.String()
	return strings.ToUpper(s[:1]) + s[1:]
}

func (p *population) email(i int, first, last, company string) string {
	first, last = strings.ToLower(first), strings.ReplaceAll(strings.ToLower(last), "'", "")
	own, _, _ := strings.Cut(strings.ToLower(company), " ")
	switch n := p.rng.IntN(20); {
	case n < 9:
		return fmt.Sprintf("%s.%s%d@gmail.com", first, last, i)
	case n < 12:
		return fmt.Sprintf("%s%d@yahoo.com", first, i)
	case n < 13:
		return fmt.Sprintf("%s_%s%d@hotmail.com", last, first, i)
	case n < 14:
		return fmt.Sprintf("info%d@%s.or.tz", i, own)
	}
	return fmt.Sprintf("%s%d@%s.co.tz", last, i, own)
}
