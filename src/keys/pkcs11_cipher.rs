// SPDX-License-Identifier: Apache-2.0
//! What a token encrypts with.

use cryptoki::context::Function;
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use zeroize::Zeroizing;

const IV_BYTES: usize = 12;
const TAG_BITS: std::ffi::c_ulong = 128;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cipher {
    /// AES-GCM (SP 800-38D) with a random initialization vector in front and the name of the
    /// key as associated data.
    Gcm,
    /// AES-KWP (RFC 5649), which has no associated data: the name is bound by what is
    /// encrypted only.
    KeyWrap,
}

impl Cipher {
    /// Those that bind more first.
    pub(super) const ALL: [Self; 2] = [Self::Gcm, Self::KeyWrap];

    /// The byte in front of what it makes.
    pub(super) const fn id(self) -> u8 {
        match self {
            Self::Gcm => 1,
            Self::KeyWrap => 2,
        }
    }

    pub(super) fn of(id: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|cipher| cipher.id() == id)
    }

    pub(super) fn is_in(self, mechanisms: &[MechanismType]) -> bool {
        mechanisms.contains(&match self {
            Self::Gcm => MechanismType::AES_GCM,
            Self::KeyWrap => MechanismType::AES_KEY_WRAP_PAD,
        })
    }

    pub(super) fn encrypt(
        self,
        session: &Session,
        key: ObjectHandle,
        associated: &[u8],
        clear: &[u8],
    ) -> Result<Vec<u8>, Error> {
        match self {
            Self::Gcm => {
                let mut iv = [0; IV_BYTES];
                getrandom::fill(&mut iv).map_err(|_| out_of_random())?;
                let sealed =
                    gcm(&mut iv, associated, |mechanism| session.encrypt(mechanism, key, clear))?;
                // A token that makes its own has put it there.
                Ok([&iv[..], &sealed].concat())
            }
            Self::KeyWrap => {
                let object = session.create_object(&[
                    Attribute::Class(ObjectClass::SECRET_KEY),
                    Attribute::KeyType(KeyType::GENERIC_SECRET),
                    Attribute::Token(false),
                    Attribute::Sensitive(false),
                    Attribute::Extractable(true),
                    Attribute::Value(clear.to_vec()),
                ])?;
                let wrapped = session.wrap_key(&Mechanism::AesKeyWrapPad, key, object);
                session.destroy_object(object)?;
                wrapped
            }
        }
    }

    pub(super) fn decrypt(
        self,
        session: &Session,
        key: ObjectHandle,
        associated: &[u8],
        made: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        match self {
            Self::Gcm => {
                let (iv, sealed) = made.split_first_chunk::<IV_BYTES>().ok_or_else(too_short)?;
                let mut iv = *iv;
                let clear =
                    gcm(&mut iv, associated, |mechanism| session.decrypt(mechanism, key, sealed));
                clear.map(Zeroizing::new)
            }
            Self::KeyWrap => {
                let object = session.unwrap_key(
                    &Mechanism::AesKeyWrapPad,
                    key,
                    made,
                    &[
                        Attribute::Class(ObjectClass::SECRET_KEY),
                        Attribute::KeyType(KeyType::GENERIC_SECRET),
                        Attribute::Token(false),
                        Attribute::Sensitive(false),
                        Attribute::Extractable(true),
                    ],
                )?;
                let value = session.get_attributes(object, &[AttributeType::Value]);
                session.destroy_object(object)?;
                match value?.pop() {
                    Some(Attribute::Value(value)) => Ok(Zeroizing::new(value)),
                    _ => Err(Error::InvalidValue),
                }
            }
        }
    }
}

fn gcm<T>(
    iv: &mut [u8],
    associated: &[u8],
    act: impl FnOnce(&Mechanism<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    act(&Mechanism::AesGcm(GcmParams::new(iv, associated, TAG_BITS.into())?))
}

fn too_short() -> Error {
    Error::Pkcs11(RvError::EncryptedDataLenRange, Function::Decrypt)
}

fn out_of_random() -> Error {
    Error::Pkcs11(RvError::RandomNoRng, Function::GenerateRandom)
}
