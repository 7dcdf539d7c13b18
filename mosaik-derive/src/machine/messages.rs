//! The enums that travel: one for commands, one for queries, one for answers. A variant is known by
//! the name of its method, so that adding, moving and reordering methods changes no other one.

use crate::emit::quiet;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Attribute, Type};

/// An enum of messages.
pub(super) struct Messages<'m> {
    pub(super) name: Ident,
    pub(super) doc: String,
    /// That what is inside can travel.
    pub(super) bounds: TokenStream,
    pub(super) variants: Vec<Variant<'m>>,
}

/// One message.
pub(super) struct Variant<'m> {
    pub(super) name: &'m Ident,
    /// What it is called on the wire: the name of the method.
    pub(super) wire: String,
    pub(super) docs: Vec<&'m Attribute>,
    /// With names, or as a tuple.
    pub(super) fields: Vec<(Option<&'m Ident>, &'m Type)>,
}

impl Messages<'_> {
    /// The enum and its traits.
    pub(super) fn expand(&self, root: &TokenStream) -> TokenStream {
        let Self {
            name, doc, bounds, ..
        } = self;
        let private = quote!(#root::__private);
        let variants = self.variants.iter().map(Variant::declaration);
        let clones = self.variants.iter().map(|variant| variant.clone(&private));
        let writes = self
            .variants
            .iter()
            .enumerate()
            .map(|(index, variant)| variant.write(index));
        let reads = self
            .variants
            .iter()
            .enumerate()
            .map(|(index, variant)| variant.read(&private, index));
        let names = self.variants.iter().map(Variant::debug);
        let wires = self.variants.iter().map(|variant| &variant.wire);
        let text = name.to_string();
        let quiet = quiet(&["private_interfaces", "unreachable_pub", "missing_docs"]);
        // Nothing to match where nothing can be said.
        let this = match self.variants.is_empty() {
            true => quote_spanned!(Span::mixed_site()=> *self),
            false => quote_spanned!(Span::mixed_site()=> self),
        };
        quote_spanned! {Span::mixed_site()=>
            #[doc = #doc]
            #quiet
            pub enum #name {
                #(#variants)*
            }

            #[automatically_derived]
            impl #private::machine::Message for #name #bounds {
                const NAME: &'static str = #text;
                const VARIANTS: &'static [&'static str] = &[#(#wires),*];

                fn write<__MosaikS: #private::serde::Serializer>(
                    &self,
                    __mosaik_writer: #private::machine::Writer<Self, __MosaikS>,
                ) -> #private::Result<__MosaikS::Ok, __MosaikS::Error> {
                    match #this { #(#writes)* }
                }

                fn read<'de, __MosaikA: #private::serde::de::VariantAccess<'de>>(
                    __mosaik_variant: #private::machine::Variant,
                    __mosaik_access: __MosaikA,
                ) -> #private::Result<Self, __MosaikA::Error> {
                    match __mosaik_variant.index {
                        #(#reads)*
                        _ => #private::machine::unknown::<Self, __MosaikA::Error>(__mosaik_variant),
                    }
                }
            }

            #[automatically_derived]
            impl #private::Clone for #name #bounds {
                fn clone(&self) -> Self {
                    match #this { #(#clones)* }
                }
            }

            #[automatically_derived]
            impl #private::fmt::Debug for #name {
                fn fmt(&self, __mosaik_f: &mut #private::fmt::Formatter<'_>) -> #private::fmt::Result {
                    match #this { #(#names)* }
                }
            }

            #[automatically_derived]
            impl #private::serde::Serialize for #name #bounds {
                fn serialize<__MosaikS: #private::serde::Serializer>(
                    &self,
                    __mosaik_serializer: __MosaikS,
                ) -> #private::Result<__MosaikS::Ok, __MosaikS::Error> {
                    #private::machine::write(self, __mosaik_serializer)
                }
            }

            #[automatically_derived]
            impl<'de> #private::serde::Deserialize<'de> for #name #bounds {
                fn deserialize<__MosaikD: #private::serde::Deserializer<'de>>(
                    __mosaik_deserializer: __MosaikD,
                ) -> #private::Result<Self, __MosaikD::Error> {
                    #private::machine::read(__mosaik_deserializer)
                }
            }
        }
    }
}

impl Variant<'_> {
    fn declaration(&self) -> TokenStream {
        let Self { name, docs, .. } = self;
        let fields = self.fields.iter().map(|(name, ty)| match name {
            Some(name) => quote!(#name: #ty),
            None => quote!(#ty),
        });
        let fields = match self.fields.first() {
            None => TokenStream::new(),
            Some((None, _)) => quote!((#(#fields),*)),
            Some(_) => quote!({ #(#fields),* }),
        };
        quote!(#(#docs)* #name #fields,)
    }

    /// The variant with a local name for each field. Names of the user's cannot be captured by them,
    /// nor can they mean a constant.
    pub(super) fn pattern(&self, locals: &[Ident]) -> TokenStream {
        let name = self.name;
        let fields = self.fields.iter().zip(locals);
        let fields = fields.map(|((name, _), local)| match name {
            Some(name) => quote!(#name: #local),
            None => quote!(#local),
        });
        match self.fields.first() {
            None => quote!(#name),
            Some((None, _)) => quote!(#name(#(#fields),*)),
            Some(_) => quote!(#name { #(#fields),* }),
        }
    }

    fn locals(&self) -> Vec<Ident> {
        locals(self.fields.len())
    }

    fn clone(&self, private: &TokenStream) -> TokenStream {
        let locals = self.locals();
        let pattern = self.pattern(&locals);
        let clones = locals
            .iter()
            .map(|local| quote!(let #local = #private::Clone::clone(#local);));
        quote!(Self::#pattern => { #(#clones)* Self::#pattern })
    }

    /// The name alone: what is inside need not be `Debug`.
    fn debug(&self) -> TokenStream {
        let name = self.name;
        let text = name.to_string();
        let rest = match self.fields.first() {
            None => TokenStream::new(),
            Some((None, _)) => quote!((..)),
            Some(_) => quote!({ .. }),
        };
        quote_spanned!(Span::mixed_site()=> Self::#name #rest => __mosaik_f.write_str(#text),)
    }

    fn write(&self, index: usize) -> TokenStream {
        let locals = self.locals();
        let pattern = self.pattern(&locals);
        quote_spanned!(Span::mixed_site()=> Self::#pattern => __mosaik_writer.variant(#index, &(#(#locals,)*)),)
    }

    fn read(&self, private: &TokenStream, index: usize) -> TokenStream {
        let locals = self.locals();
        let pattern = self.pattern(&locals);
        let types = self.fields.iter().map(|(_, ty)| ty);
        quote_spanned! {Span::mixed_site()=>
            #index => {
                let (#(#locals,)*): (#(#types,)*) = #private::machine::fields(__mosaik_access)?;
                #private::Ok(Self::#pattern)
            }
        }
    }
}

/// Names for the fields of a variant.
pub(super) fn locals(count: usize) -> Vec<Ident> {
    (0..count)
        .map(|index| format_ident!("__mosaik_{index}", span = Span::mixed_site()))
        .collect()
}
