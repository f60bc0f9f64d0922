package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// Setting is one line of the table of settings.
type Setting struct {
	Variable string
	Flag     string
	Default  string
	Help     string
	Commands []string // which take it
}

// Settings returns every setting of the commands below app, in the order in
// which they are declared, and after them those that Temporal defines.
func Settings(app *kong.Application) []Setting {
	var settings []Setting
	for _, command := range app.Leaves(true) {
		for _, flags := range command.AllFlags(true) {
			for _, flag := range flags {
				if len(flag.Envs) > 0 && !flag.Hidden {
					settings = merge(settings, strings.TrimPrefix(command.FullPath(), app.Name+" "), flag)
				}
			}
		}
	}
	return append(settings, temporalSettings...)
}

func merge(settings []Setting, command string, flag *kong.Flag) []Setting {
	i := slices.IndexFunc(settings, func(s Setting) bool { return s.Variable == flag.Envs[0] })
	if i < 0 {
		i = len(settings)
		settings = append(settings, Setting{Variable: flag.Envs[0], Flag: "--" + flag.Name, Default: flag.Default, Help: flag.OrigHelp})
	}
	if !slices.Contains(settings[i].Commands, command) {
		settings[i].Commands = append(settings[i].Commands, command)
	}
	return settings
}

// Markdown returns the settings as a table.
func Markdown(settings []Setting) string {
	var table strings.Builder
	table.WriteString("| variable | flag | default | used by | what it is |\n| --- | --- | --- | --- | --- |\n")
	for _, s := range settings {
		used := strings.Join(s.Commands, ", ")
		if used == "" {
			used = "whatever reaches Temporal"
		}
		fmt.Fprintf(&table, "| %s | %s | %s | %s | %s |\n", code(s.Variable), code(s.Flag), code(s.Default), used, cell(s.Help))
	}
	return table.String()
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// FillDefaults gives every setting that is set to nothing its default, as
// container files do that pass on a variable which is not set.
func FillDefaults(ctx *kong.Context) {
	for _, flag := range ctx.Flags() {
		if len(flag.Envs) == 0 || !flag.HasDefault || flag.Target.String() != "" {
			continue
		}
		flag.Target.SetString(flag.Default)
	}
}
