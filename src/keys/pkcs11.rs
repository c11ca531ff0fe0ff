// SPDX-License-Identifier: Apache-2.0

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::MechanismType;
use cryptoki::object::{Attribute, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;

use super::envelope::{self, Belongs};
use super::files::Readers;
use super::pkcs11_cipher::Cipher;
use super::{KeyName, KeyService, KeysError, SecretSource};
use crate::base::Secret;

/// How an AES key in a PKCS#11 token is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pkcs11Settings {
    /// The library that its vendor ships.
    pub module: PathBuf,
    /// Label of the token.
    pub token: String,
    /// Label of the key.
    pub key: String,
    /// Of the user.
    pub pin: SecretSource,
}

/// An AES key in a token of PKCS#11, mostly a hardware security module, which does not leave
/// it.
///
/// It encrypts with AES-GCM, or with AES-KWP where the token has no GCM. A wrapped key is
/// eight bytes that refer to token and key, one that tells the cipher, and what it made. Every
/// use has a session of its own, so a token that was away is found again.
///
/// Source: OASIS PKCS #11 3.0, base specification and current mechanisms.
#[derive(Debug)]
pub struct Pkcs11Token {
    /// What messages call it.
    name: String,
    settings: Pkcs11Settings,
    /// What may be used, the best first.
    ciphers: &'static [Cipher],
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    module: Option<Pkcs11>,
    refused_pin: Option<Secret>,
}

/// A session in which the key was found.
struct Opened {
    session: Session,
    key: ObjectHandle,
    mechanisms: Vec<MechanismType>,
}

impl Pkcs11Token {
    /// Nothing is loaded yet.
    pub fn new(settings: Pkcs11Settings) -> Self {
        Self::with_ciphers(settings, &Cipher::ALL)
    }

    pub(super) fn with_ciphers(settings: Pkcs11Settings, ciphers: &'static [Cipher]) -> Self {
        let Pkcs11Settings { module, token, key, .. } = &settings;
        let name =
            format!("the PKCS#11 token `{token}` (key `{key}`, module `{}`)", module.display());
        Self { name, settings, ciphers, state: Mutex::default() }
    }

    /// Does something with the key, and closes the session.
    fn with_key<T>(
        &self,
        act: impl FnOnce(&Opened) -> Result<T, KeysError>,
    ) -> Result<T, KeysError> {
        // What a panic left is two options, each of them whole.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let module = match &state.module {
            Some(module) => module.clone(),
            None => state.module.insert(self.load()?).clone(),
        };
        let slot = self.slot(&module)?;
        let mechanisms = module.get_mechanism_list(slot).map_err(|error| self.failed(&error))?;
        let session = module.open_ro_session(slot).map_err(|error| self.failed(&error))?;
        self.log_in(&session, &mut state)?;
        let key = self.key(&session)?;
        act(&Opened { session, key, mechanisms })
    }

    fn load(&self) -> Result<Pkcs11, KeysError> {
        let module = Pkcs11::new(&self.settings.module).map_err(|source| {
            let path = self.settings.module.clone();
            KeysError::Module { path, source: Box::new(source) }
        })?;
        match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            // By another use of it in this process.
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(module),
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn slot(&self, module: &Pkcs11) -> Result<Slot, KeysError> {
        let slots =
            module.get_slots_with_initialized_token().map_err(|error| self.failed(&error))?;
        let mut found = slots.into_iter().filter(|slot| {
            let info = module.get_token_info(*slot);
            info.is_ok_and(|info| info.label() == self.settings.token)
        });
        match (found.next(), found.next()) {
            (Some(slot), None) => Ok(slot),
            (None, _) => Err(self.away("no slot holds a token with this label")),
            (Some(_), Some(_)) => Err(self.denied("several tokens have this label")),
        }
    }

    fn log_in(&self, session: &Session, state: &mut State) -> Result<(), KeysError> {
        let pin = self.settings.pin.read(Readers::OwnerOnly)?;
        // SECURITY: a token locks itself for good after a few wrong PINs.
        if state.refused_pin.as_ref() == Some(&pin) {
            return Err(self.pin_refused("it was refused before"));
        }
        let text = std::str::from_utf8(pin.expose());
        let text = text.map_err(|_| self.pin_refused("it is not text"))?;
        match session.login(UserType::User, Some(&AuthPin::new(text.into()))) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
            Err(error) => {
                let error = self.failed(&error);
                if matches!(error, KeysError::PinRefused { .. }) {
                    state.refused_pin = Some(pin);
                }
                Err(error)
            }
        }
    }

    fn key(&self, session: &Session) -> Result<ObjectHandle, KeysError> {
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::AES),
            Attribute::Label(self.settings.key.as_bytes().to_vec()),
        ];
        let found = session.find_objects(&template).map_err(|error| self.failed(&error))?;
        match found[..] {
            [key] => Ok(key),
            [] => Err(KeysError::Withdrawn {
                service: self.name.clone(),
                problem: "it has no AES key with this label".to_owned(),
            }),
            _ => Err(self.denied("several AES keys have this label")),
        }
    }

    /// Why a wrapped key does not open. Some tokens say only that something failed, so the
    /// key is tried with what it makes now: if that opens, it is the wrapped key.
    fn unopened(
        &self,
        error: &Error,
        belongs: Belongs,
        cipher: Cipher,
        Opened { session, key, .. }: &Opened,
    ) -> KeysError {
        let Error::Pkcs11(code, _) = error else { return self.failed(error) };
        let works = || {
            let made = cipher.encrypt(session, *key, b"associated", b"whether it works");
            made.is_ok_and(|made| cipher.decrypt(session, *key, b"associated", &made).is_ok())
        };
        match code {
            RvError::EncryptedDataInvalid
            | RvError::EncryptedDataLenRange
            | RvError::WrappedKeyInvalid
            | RvError::WrappedKeyLenRange
            | RvError::SignatureInvalid => belongs.unopened(),
            RvError::GeneralError | RvError::FunctionFailed if works() => belongs.unopened(),
            _ => self.failed(error),
        }
    }

    fn failed(&self, error: &Error) -> KeysError {
        let Error::Pkcs11(code, function) = error else {
            return self.denied("its module does not do what PKCS#11 demands");
        };
        let what = format!("{function:?} failed ({code:?})");
        match code {
            RvError::PinIncorrect
            | RvError::PinInvalid
            | RvError::PinLenRange
            | RvError::PinExpired
            | RvError::PinLocked
            | RvError::UserPinNotInitialized => self.pin_refused(&what),
            RvError::KeyFunctionNotPermitted
            | RvError::MechanismInvalid
            | RvError::MechanismParamInvalid
            | RvError::KeyTypeInconsistent
            | RvError::KeySizeRange
            | RvError::TemplateInconsistent
            | RvError::TemplateIncomplete
            | RvError::AttributeTypeInvalid
            | RvError::AttributeValueInvalid
            | RvError::AttributeSensitive
            | RvError::ActionProhibited
            | RvError::FunctionNotSupported
            | RvError::FunctionRejected => self.denied(&format!(
                "{what}; the key has to permit encrypt and decrypt, or wrap and unwrap"
            )),
            _ => self.away(&what),
        }
    }

    fn away(&self, problem: &str) -> KeysError {
        KeysError::Unavailable { service: self.name.clone(), problem: problem.to_owned() }
    }

    fn denied(&self, problem: &str) -> KeysError {
        KeysError::Denied { service: self.name.clone(), problem: problem.to_owned() }
    }

    fn pin_refused(&self, problem: &str) -> KeysError {
        KeysError::PinRefused { service: self.name.clone(), problem: problem.to_owned() }
    }

    fn reference(&self) -> [u8; 8] {
        let Pkcs11Settings { token, key, .. } = &self.settings;
        envelope::reference("pkcs11", &format!("{token}\0{key}"))
    }
}

impl KeyService for Pkcs11Token {
    fn wrap(&self, name: &KeyName<'_>, key: &Secret) -> Result<Vec<u8>, KeysError> {
        self.with_key(|opened| {
            let cipher = self.ciphers.iter().find(|cipher| cipher.is_in(&opened.mechanisms));
            let cipher = cipher.ok_or_else(|| self.denied("it has neither AES-GCM nor AES-KWP"))?;
            let (bound, packed) = (envelope::name_bytes(name), envelope::pack(name, key));
            let made = cipher.encrypt(&opened.session, opened.key, &bound, &packed);
            let made = made.map_err(|error| self.failed(&error))?;
            Ok([&self.reference()[..], &[cipher.id()], &made].concat())
        })
    }

    fn unwrap(&self, name: &KeyName<'_>, wrapped: &[u8]) -> Result<Secret, KeysError> {
        let (rest, belongs) = envelope::split_reference(wrapped, self.reference())?;
        let (id, made) = rest.split_first().ok_or_else(|| belongs.unopened())?;
        let cipher = Cipher::of(*id).ok_or_else(|| belongs.unopened())?;
        let bound = envelope::name_bytes(name);
        let packed = self.with_key(|opened| {
            let packed = cipher.decrypt(&opened.session, opened.key, &bound, made);
            packed.map_err(|error| self.unopened(&error, belongs, cipher, opened))
        })?;
        envelope::unpack(name, &packed)
    }
}
