package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// key is what the file says about one flag.
type key struct {
	where  string   // path:line
	values []string // one, but for a list
	list   bool
}

// set gives a flag the key's value.
func (k key) set(flags *pflag.FlagSet, flag *pflag.Flag) error {
	if !k.list {
		return set(flags, flag, k.where+": "+flag.Name, k.values[0])
	}
	many, ok := flag.Value.(pflag.SliceValue)
	if !ok {
		return fmt.Errorf("%s: %s takes one value, not a list", k.where, flag.Name)
	}
	if err := many.Replace(k.values); err != nil {
		return Explain(k.where+": "+flag.Name, fmt.Sprint(k.values), flag, err)
	}
	flag.Changed = true
	return nil
}

// readFile reads a YAML mapping of flags to values. It is read as nodes, not into Go values: those would have lost how
// a value was written, and where.
func readFile(path string, known Known, p *problems) map[string]key {
	root, err := parseFile(path)
	if err != nil {
		p.addf("reading the file of --%s: %w", ConfigFlag, err)
		return nil
	}
	if root == nil {
		return nil
	}
	keys := map[string]key{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		name := root.Content[i].Value
		where := fmt.Sprintf("%s:%d", path, root.Content[i].Line)
		if _, ok := known[name]; !ok || name == ConfigFlag {
			p.add(unknownKey(where, name, root.Content[i+1], known))
			continue
		}
		if before, twice := keys[name]; twice {
			p.addf("%s: %s is there already, at %s: remove one of them", where, name, before.where)
			continue
		}
		k, err := readKey(root.Content[i+1])
		if err != nil {
			p.addf("%s: %s %w", where, name, err)
			continue
		}
		k.where = where
		keys[name] = k
	}
	return keys
}

// parseFile returns the mapping that the file holds; nil for an empty file.
func parseFile(path string) (*yaml.Node, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var doc yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: it holds more than one document: keep one", path)
	}
	root := doc.Content[0]
	switch {
	case root.Kind == yaml.MappingNode:
		return root, nil
	case root.Tag == "!!null":
		return nil, nil
	}
	return nil, fmt.Errorf("%s: it is no YAML mapping: write a line like `timeout: 120s` for each setting", path)
}

var errNested = errors.New("has settings below it: write each at the top level, under the name of its flag")

func unknownKey(where, name string, value *yaml.Node, known Known) error {
	if value.Kind == yaml.MappingNode {
		return fmt.Errorf("%s: %s %w", where, name, errNested)
	}
	return fmt.Errorf("%s: %s is no setting%s", where, name, meant(name, known))
}

// readKey reads the value of a key as it is written.
func readKey(node *yaml.Node) (key, error) {
	node = resolve(node)
	switch node.Kind {
	case yaml.ScalarNode:
		value, err := scalar(node)
		return key{values: []string{value}}, err
	case yaml.SequenceNode:
		k := key{list: true}
		for _, n := range node.Content {
			value, err := scalar(resolve(n))
			if err != nil {
				return key{}, err
			}
			k.values = append(k.values, value)
		}
		return k, nil
	}
	return key{}, errNested
}

func resolve(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

func scalar(node *yaml.Node) (string, error) {
	switch {
	case node.Kind != yaml.ScalarNode:
		return "", errors.New("is a list of something else than plain values")
	case node.Tag == "!!null":
		return "", errors.New("has no value: give it one, or remove the line")
	}
	return node.Value, nil
}
