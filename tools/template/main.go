// Command template says what Go's own text/template makes of a template, given the claims of a token as Fulcio gives them
// to it: defaults, and over them each claim as text.
//
// It reads one JSON object a line and answers each with one line.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"strconv"
	"strings"
	"text/template"
)

// question is one template and what it is given.
type question struct {
	Template string            `json:"template"`
	Claims   map[string]any    `json:"claims"`
	Defaults map[string]string `json:"defaults"`
}

// answer says whether the template is one, and what comes of it.
type answer struct {
	Parses bool `json:"parses"`
	// Text is what the template gives; absent when it fails with these claims.
	Text *string `json:"text,omitempty"`
	// URI is the text as a subjectAltName has it; absent when it is no URL.
	URI *string `json:"uri,omitempty"`
}

// text is a claim as Fulcio writes it. Release 1.8.8 still gives whole numbers an exponent from a million on.
func text(claim any) string {
	number, isNumber := claim.(float64)
	if !isNumber {
		return fmt.Sprintf("%v", claim)
	}
	return strconv.FormatFloat(number, 'f', -1, 64)
}

func evaluate(asked question) answer {
	values := map[string]string{}
	maps.Copy(values, asked.Defaults)
	for name, claim := range asked.Claims {
		values[name] = text(claim)
	}
	if !strings.Contains(asked.Template, "{{") {
		value, isThere := values[asked.Template]
		if !isThere {
			return answer{Parses: true}
		}
		return withURI(value)
	}
	parsed, err := template.New("").Option("missingkey=error").Parse(asked.Template)
	if err != nil {
		return answer{}
	}
	var out strings.Builder
	if err := parsed.Execute(&out, values); err != nil {
		return answer{Parses: true}
	}
	return withURI(out.String())
}

func withURI(value string) answer {
	given := answer{Parses: true, Text: &value}
	if parsed, err := url.Parse(value); err == nil {
		uri := parsed.String()
		given.URI = &uri
	}
	return given
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	answers := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var asked question
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if err := answers.Encode(evaluate(asked)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
