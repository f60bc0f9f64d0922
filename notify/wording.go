package notify

import (
	"embed"
	"fmt"
	htmltemplate "html/template"
	"sort"
	"strings"
	"text/template"

	"kibali/domain/message"
)

// Segments is how many SMS a text takes.
func Segments(text string) int { return message.Segments(text) }

//go:embed templates
var templateFiles embed.FS

// wording is what one notice says in one language: the texts of its file
// (subject, intro, next, action, sms) over those that its language's notices
// share (common.tmpl). The e-mail's two bodies are laid out from the same
// texts, so that they cannot differ.
type wording struct{ texts *template.Template }

var (
	wordings   = loadWordings()
	textLayout = template.Must(template.ParseFS(templateFiles, "templates/email.txt"))
	htmlLayout = htmltemplate.Must(htmltemplate.ParseFS(templateFiles, "templates/email.html"))
)

func loadWordings() map[string]map[Kind]wording {
	all := map[string]map[Kind]wording{}
	for _, locale := range Locales() {
		all[locale] = map[Kind]wording{}
		common := template.Must(template.ParseFS(templateFiles, "templates/"+locale+"/common.tmpl"))
		for _, kind := range Kinds() {
			texts := template.Must(common.Clone())
			all[locale][kind] = wording{template.Must(texts.ParseFS(templateFiles, "templates/"+locale+"/"+string(kind)+".tmpl"))}
		}
	}
	return all
}

// say writes one of the texts.
func (w wording) say(text string, f facts) (string, error) {
	var said strings.Builder
	if err := w.texts.ExecuteTemplate(&said, text, f); err != nil {
		return "", fmt.Errorf("write the %s of a notice: %w", text, err)
	}
	return strings.TrimSpace(said.String()), nil
}

// reasonLabel puts a reason code into words, "" for one that has none.
func (w wording) reasonLabel(code string) string {
	if w.texts.Lookup("reason_"+code) == nil {
		return ""
	}
	label, err := w.say("reason_"+code, facts{})
	if err != nil {
		return ""
	}
	return label
}

// emailBody is what both layouts of an e-mail show.
type emailBody struct {
	Lang, Platform, Subject                                 string
	Greeting, Intro, Heading, Next, Action, Closing, Footer string
	ReasonLabel, Reason, Link                               string
	Explained                                               bool
}

func renderEmail(locale string, wording wording, f facts) (Message, error) {
	body := emailBody{
		Lang: locale, Platform: f.Platform, ReasonLabel: f.ReasonLabel, Reason: f.Reason, Link: f.Link,
		Explained: f.ReasonLabel != "" || f.Reason != "",
	}
	for text, target := range map[string]*string{
		"subject": &body.Subject, "greeting": &body.Greeting, "intro": &body.Intro, "heading": &body.Heading,
		"next": &body.Next, "action": &body.Action, "closing": &body.Closing, "footer": &body.Footer,
	} {
		said, err := wording.say(text, f)
		if err != nil {
			return Message{}, err
		}
		*target = oneLine(said)
	}
	body.Subject = truncate(body.Subject, maxSubject)
	var text, html strings.Builder
	if err := textLayout.Execute(&text, body); err != nil {
		return Message{}, fmt.Errorf("lay out a notice as text: %w", err)
	}
	if err := htmlLayout.Execute(&html, body); err != nil {
		return Message{}, fmt.Errorf("lay out a notice as HTML: %w", err)
	}
	return Message{Subject: body.Subject, Text: text.String(), HTML: html.String()}, nil
}

// renderSMS keeps the message within two segments by shortening the reason,
// and then points to the e-mail, which has all of it.
func renderSMS(wording wording, f facts) (Message, error) {
	f.Company = truncate(plainPunctuation.Replace(f.Company), maxSMSName)
	f.Platform = plainPunctuation.Replace(f.Platform)
	reason := plainPunctuation.Replace(oneLine(f.Reason))
	if reason == "" {
		reason = f.ReasonLabel
	}
	f.Reason = reason
	text, err := smsText(wording, f)
	if err != nil || reason == "" || Segments(text) <= smsSegments {
		return Message{Text: text}, err
	}
	f.ReasonCut = true
	shortened := func(length int) string {
		f.Reason = truncate(reason, length)
		text, err = smsText(wording, f)
		return text
	}
	// The longest reason that still fits is one less than the shortest that
	// does not. With fewer than ten characters it would say nothing: the e-mail
	// alone gives it then.
	const least = 10
	longest := least + sort.Search(len(reason), func(extra int) bool {
		return Segments(shortened(least+extra+1)) > smsSegments
	})
	if Segments(shortened(longest)) > smsSegments {
		f.Reason = ""
		text, err = smsText(wording, f)
	}
	return Message{Text: text}, err
}

func smsText(wording wording, f facts) (string, error) {
	text, err := wording.say("sms", f)
	if err != nil {
		return "", err
	}
	text = oneLine(text)
	if f.Link != "" {
		text += "\n" + f.Link
	}
	return text, nil
}
