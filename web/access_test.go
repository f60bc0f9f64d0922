package web_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/devstack/devtest"
	"kibali/domain/actor"
	"kibali/identity"
	"kibali/migrations"
	"kibali/store"
	"kibali/web"
)

func TestMain(m *testing.M) { devtest.Main(m) }

// member is a staff member with a session and a personal access token.
type member struct {
	store.Staff
	session, token string
}

// addMember adds a staff member whose sign-in counts as recent until the given
// time.
func addMember(t *testing.T, db *store.Store, role actor.Role, recentUntil time.Time) member {
	t.Helper()
	m := member{Staff: store.Staff{ID: uuid.New(), Email: uuid.NewString() + "@example.co.tz", Name: "Neema", Role: role}}
	now := time.Now()
	var sessionHash, tokenHash [32]byte
	m.session, sessionHash = identity.NewToken(identity.StaffSessionToken)
	m.token, tokenHash = identity.NewToken(identity.StaffToken)
	require.NoError(t, db.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		if err := tx.InsertStaff(ctx, m.Staff, "", now); err != nil {
			return err
		}
		if err := tx.InsertStaffToken(ctx, store.StaffToken{ID: uuid.New(), StaffID: m.ID, Name: "test", Hash: tokenHash, CreatedAt: now}); err != nil {
			return err
		}
		return tx.InsertStaffSession(ctx, store.StaffSession{
			ID: uuid.New(), StaffID: m.ID, Hash: sessionHash, Method: store.MethodPassword, CreatedAt: now, AuthenticatedAt: now,
			RecentUntil: recentUntil, LastUsedAt: now, Idle: time.Hour, ExpiresAt: now.Add(time.Hour),
		})
	}))
	return m
}

func TestAccess(t *testing.T) {
	t.Parallel()
	database := devtest.NewDatabase(t, migrations.Migrate)
	db, err := store.Open(t.Context(), database.AppURL)
	require.NoError(t, err)
	t.Cleanup(db.Close)
	recent := addMember(t, db, actor.Finance, time.Now().Add(time.Minute))
	stale := addMember(t, db, actor.Finance, time.Now().Add(-time.Second))
	other := addMember(t, db, actor.Support, time.Now().Add(time.Minute))

	site := siteAt(t, "https://id.example.co.tz")
	engine := func(cookies bool) http.Handler {
		greet := func(c *gin.Context) { web.JSON(c, 200, web.CallerOf(c).ID) }
		return web.New(web.Config{
			Reader: db.Reader(), Log: slog.New(slog.DiscardHandler), Site: site, Cookies: cookies,
			Access: map[string]web.Access{
				"POST /credits": web.Staff(actor.TopUp).Recent(), "GET /accounts": web.Staff(actor.ReadAccounts),
				"GET /mine": web.StaffSession, "GET /hello": web.Anyone,
			},
		}, func(engine *gin.Engine) {
			engine.POST("/credits", greet)
			engine.GET("/accounts", greet)
			engine.GET("/mine", greet)
			engine.GET("/hello", func(c *gin.Context) {
				caller, err := web.Recognise(c, web.StaffSession)
				web.JSON(c, 200, []any{err == nil, caller.ID == web.CallerOf(c).ID, caller.ID})
			})
		})
	}
	call := func(handler http.Handler, method, target, header, value string) *httptest.ResponseRecorder {
		request := httptest.NewRequestWithContext(t.Context(), method, target, http.NoBody)
		request.Header.Set(header, value)
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, request)
		return recorder
	}

	t.Run("asks a session for a recent sign-in, and a token for none", func(t *testing.T) {
		t.Parallel()
		handler := engine(false)
		for _, c := range []struct {
			token  string
			status int
			code   string
		}{
			{recent.session, 200, ""},
			{stale.session, 403, "step_up_required"},
			{stale.token, 200, ""},
			{other.session, 403, "forbidden"}, // the role comes first
		} {
			answer := call(handler, http.MethodPost, "/credits", "Authorization", "Bearer "+c.token)
			require.Equal(t, c.status, answer.Code, answer.Body)
			if c.code != "" {
				require.Equal(t, c.code, problemOf(t, answer).Code)
			}
		}
		require.Equal(t, 200, call(handler, http.MethodGet, "/accounts", "Authorization", "Bearer "+stale.session).Code)
	})
	t.Run("takes sessions from the cookie on pages, and from the header elsewhere", func(t *testing.T) {
		t.Parallel()
		pages, api := engine(true), engine(false)
		cookie := site.CookieName(web.StaffCookie) + "="
		require.Equal(t, 200, call(pages, http.MethodGet, "/mine", "Cookie", cookie+recent.session).Code)
		require.Equal(t, 401, call(pages, http.MethodGet, "/mine", "Cookie", cookie+recent.token).Code)
		require.Equal(t, 401, call(pages, http.MethodGet, "/mine", "Cookie", string(web.StaffCookie)+"="+recent.session).Code)
		require.Equal(t, 401, call(pages, http.MethodGet, "/mine", "Authorization", "Bearer "+recent.session).Code)
		require.Equal(t, 401, call(api, http.MethodGet, "/mine", "Cookie", cookie+recent.session).Code)
		require.Equal(t, 403, call(api, http.MethodGet, "/mine", "Authorization", "Bearer "+recent.token).Code)
	})
	t.Run("recognises who is signed in where anyone may be", func(t *testing.T) {
		t.Parallel()
		pages := engine(true)
		require.JSONEq(t, `[true, true, "`+recent.ID.String()+`"]`,
			call(pages, http.MethodGet, "/hello", "Cookie", site.CookieName(web.StaffCookie)+"="+recent.session).Body.String())
		require.JSONEq(t, `[false, true, "00000000-0000-0000-0000-000000000000"]`, call(pages, http.MethodGet, "/hello", "X-None", "x").Body.String())
	})
}
