package sandbox

import (
	"errors"
	"net/http"
)

// faultRoutes are faults for programs.
var faultRoutes = []pageRoute{
	{"GET /_sandbox/faults", (*Server).serveFaults},
	{"POST /_sandbox/faults", (*Server).serveFault},
	{"DELETE /_sandbox/faults", (*Server).serveFaultless},
	{"DELETE /_sandbox/faults/{id}", (*Server).serveRemoval},
}

func (s *Server) serveFaults(w http.ResponseWriter, _ *http.Request) {
	answerJSON(w, http.StatusOK, map[string]any{"faults": s.Faults()})
}

func (s *Server) serveFault(w http.ResponseWriter, r *http.Request) {
	var f Fault
	if !readJSON(w, r, &f) {
		return
	}
	f, err := s.inject(f)
	if err != nil {
		answerProblem(w, http.StatusBadRequest, err)
		return
	}
	answerJSON(w, http.StatusOK, f)
}

// serveFaultless takes all faults back.
func (s *Server) serveFaultless(w http.ResponseWriter, _ *http.Request) {
	s.RemoveFaults()
	answerJSON(w, http.StatusOK, map[string]bool{"cleared": true})
}

func (s *Server) serveRemoval(w http.ResponseWriter, r *http.Request) {
	if !s.Remove(r.PathValue("id")) {
		answerProblem(w, http.StatusNotFound, errors.New("there is no such fault; it may have struck for the last time"))
		return
	}
	answerJSON(w, http.StatusOK, map[string]any{"id": r.PathValue("id"), "removed": true})
}
