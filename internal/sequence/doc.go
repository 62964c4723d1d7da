// Package sequence keeps the elements of a list in order, each under a position number.
//
// # Vocabulary
//
//   - A position is a signed 64-bit number that an element keeps for as long as it is in
//     the list; positions ascend with the order of the elements. So "the element at this
//     position is this" says the same however often it is said, which "push" and "insert
//     before" do not. An index counts elements from the front and changes with every
//     insertion before it.
//   - A push takes the position one [Stride] beyond the first or the last element's, an
//     insertion one between its neighbours' ([Insertion]). If none is free there, a
//     neighbourhood is renumbered: it is widened until its positions are sparse enough,
//     which costs O(log n) renumbered elements for each insertion on average.
//   - A [Sequence] is a list of any length. Its elements stand in pages of up to 8 KiB,
//     the pages in a tree that counts elements. What is done to one element takes
//     O(log n); removing a range takes O(log n) and what its pages take.
//   - A [Packed] is a short list in one byte string.
//
// # Pages
//
// A page has no pointers to elements: they stand one after the other, each behind a header
// of one byte in most cases, and integers are kept in binary. There is no length behind an
// element; the offset of every 32nd one is kept instead, which takes less room and also
// finds an element by its index. Positions take no room for each element either: a page
// has runs of positions at equal distances, and one run describes all pushes. An element
// of more than 1 KiB has a page of its own, which is never changed in place.
//
// [Sequence.Clone] takes constant time. Afterwards both sides share nodes and pages; the
// first change on either side copies one.
//
// # Example
//
//	var s sequence.Sequence
//	s.Set(0, []byte("b"))
//	s.Set(-sequence.Stride, []byte("a"))
//	position, element := s.At(0) // -Stride, "a"
package sequence
