package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

const comparisonPage = "comparison.md"

// compare prints the tables of comparison.md, and puts them there if dir is not empty.
// They are made by TestComparison: keys that rotate need fake time, which only tests
// have.
func compare(stdout io.Writer, dir string) error {
	temp, err := os.MkdirTemp("", "jwtverify-comparison-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	file := filepath.Join(temp, "blocks.json")
	test := exec.Command("go", "test", "-count=1", "-run", "^TestComparison$", "example.com/jwtverify/benchmarks", "-comparison", file)
	if out, err := test.CombinedOutput(); err != nil {
		return fmt.Errorf("TestComparison: %w\n%s", err, out)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var blocks []block
	if err := json.Unmarshal(text, &blocks); err != nil {
		return err
	}
	for _, b := range blocks {
		fmt.Fprintf(stdout, "## %s\n\n%s\n", b.Name, b.Text)
	}
	if dir == "" {
		return nil
	}
	return writeBlocks(filepath.Join(dir, comparisonPage), blocks)
}
