// Package migrate holds the code of docs/migrate.md: the same API guarded by another library,
// before, and by jwtverify, after. Its test compares the document with these files, and
// what each of them answers.
package migrate
